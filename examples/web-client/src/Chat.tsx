import { useLocalParticipantPermissions } from "@livekit/components-react";
import { type FormEvent, useEffect, useRef, useState } from "react";

import type { Message } from "./messages";

const LONGEST = 2000; // characters: a message is one packet, of which LiveKit takes up to 15 kB

export function Chat({ messages, send }: { messages: Message[]; send: (text: string) => Promise<void> }) {
  const may = useLocalParticipantPermissions()?.canPublishData ?? false;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView(); // some browsers answer with a promise, which is no clean-up
  }, [messages]);
  return (
    <aside>
      <div className="messages" role="log" aria-label="Chat">
        {messages.map(({ from, text, at }, index) => (
          <p key={index}>
            <b>{from}</b> <time>{new Date(at).toLocaleTimeString([], { timeStyle: "short" })}</time>
            <br />
            {text}
          </p>
        ))}
        <div ref={end} />
      </div>
      {may && <Entry send={send} />}
    </aside>
  );
}

function Entry({ send }: { send: (text: string) => Promise<void> }) {
  const [text, setText] = useState("");
  const [failed, setFailed] = useState(false);
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!text.trim()) return;
    try {
      await send(text.trim());
      setText("");
      setFailed(false);
    } catch (error) {
      console.warn("not sent:", error);
      setFailed(true); // the text stays where it is
    }
  }
  return (
    <form onSubmit={submit}>
      {failed && <p role="alert">Not sent. Try again when the connection is back.</p>}
      <input
        aria-label="Message"
        className="lk-form-control"
        maxLength={LONGEST}
        onChange={(event) => setText(event.target.value)}
        placeholder="Write to everybody"
        value={text}
      />
      <button className="lk-button">Send</button>
    </form>
  );
}
