import { useDataChannel } from "@livekit/components-react";
import { useCallback, useState } from "react";

export interface Message {
  from: string;
  text: string;
  /** Milliseconds since 1970, here: LiveKit keeps no chat, so there is no other clock to go by. */
  at: number;
}

const TOPIC = "chat";

/** Who wrote is whom LiveKit says the data came from; a message cannot claim another name. */
export function useMessages(us: string): { messages: Message[]; send: (text: string) => Promise<void> } {
  const [messages, setMessages] = useState<Message[]>([]);
  const add = useCallback((from: string, text: string) => {
    setMessages((before) => [...before, { from, text, at: Date.now() }]);
  }, []);
  const { send } = useDataChannel(TOPIC, ({ payload, from }) => {
    add(from?.name || from?.identity || "server", new TextDecoder().decode(payload));
  });
  const sendText = useCallback(
    async (text: string) => {
      await send(new TextEncoder().encode(text), { reliable: true, topic: TOPIC });
      add(us, text);
    },
    [send, add, us],
  );
  return { messages, send: sendText };
}
