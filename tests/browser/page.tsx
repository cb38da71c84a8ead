/** The page under test: every hook of sdk/react at work, in strict mode, which mounts everything twice. What it saw hangs on `window`. */
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "arbitragex-edge/client";
import {
  createUltraFastStreaming,
  EdgeProvider,
  useChannel,
  useConnection,
  useOpportunities,
  type FrontendOpportunity,
} from "arbitragex-edge/react";
import type { Seen } from "./seen.ts";

const url = new URL(location.href).searchParams.get("edge") ?? "";
const seen: Seen = { events: [], lost: 0, start: undefined, store: [] };
window.seen = seen;

const client = connect({ url });
const useUltraFastStreaming = createUltraFastStreaming({
  url,
  store: () => ({
    addOpportunity: (opportunity: FrontendOpportunity) => void seen.store.push(opportunity),
    updateOpportunity: (id, opportunity) => {
      seen.store = seen.store.map((held) => (held.id === id ? opportunity : held));
    },
  }),
});

// Beside React, because hooks show the newest only.
const log = client.channel("opportunities");
log.on("subscribed", ({ position }) => (seen.start ??= position));
log.on("event", ({ epoch, offset, id }) => seen.events.push({ epoch, offset, id }));
log.on("lost", () => (seen.lost += 1));

function Feed() {
  const { events, state } = useChannel("opportunities", { filters: {}, limit: 5 });
  return <p id="feed">{[state, ...events.map(({ id }) => id)].join(" ")}</p>;
}

function Best() {
  const { opportunities, state } = useOpportunities({ filters: { chain: "base" }, limit: 3 });
  return <p id="best">{[state, ...opportunities.map((each) => `${each.opportunity_id}:${each.estimated_profit}`)].join(" ")}</p>;
}

function Connection() {
  const { status } = useConnection();
  return <p id="status">{status}</p>;
}

function Old() {
  const { isConnected, reconnect } = useUltraFastStreaming();
  return (
    <button id="old" onClick={reconnect}>
      {isConnected ? "connected" : "disconnected"}
    </button>
  );
}

function App() {
  const [isShown, show] = useState(true);
  return (
    <EdgeProvider client={client}>
      <button id="toggle" onClick={() => show(!isShown)} />
      {isShown && (
        <>
          <Feed />
          <Feed />
          <Best />
        </>
      )}
      <Connection />
      <Old />
      <Old />
    </EdgeProvider>
  );
}

const root = document.querySelector("#root");
if (root === null) throw new Error("no root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
