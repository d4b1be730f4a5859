export function Switch({ on, set, text }: { on: boolean; set: (on: boolean) => void; text: string }) {
  return (
    <button className="lk-button" aria-pressed={on} onClick={() => set(!on)}>
      {text}
    </button>
  );
}
