import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // also good behind an Ingress that serves it under a path
  plugins: [react()],
  build: {
    outDir: "dist/client",
    chunkSizeWarningLimit: 1500, // kB; most of it is livekit-client
  },
  server: {
    // `npm run dev` beside `npm start`: the page is rebuilt as you edit, tokens come from the real server.
    proxy: { "/token": "http://127.0.0.1:8080", "/presence": "http://127.0.0.1:8080" },
  },
});
