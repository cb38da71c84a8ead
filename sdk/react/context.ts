/** Hands one client to a tree of components. */
import { createContext, createElement, useContext, type ReactNode } from "react";
import type { Client } from "../client/index.ts";

const EdgeContext = createContext<Client | undefined>(undefined);

/** The client lives outside of React, so that a render never opens or closes a socket. */
export function EdgeProvider({ client, children }: { readonly client: Client; readonly children?: ReactNode }): ReactNode {
  return createElement(EdgeContext.Provider, { value: client }, children);
}

export function useEdgeClient(): Client {
  const client = useContext(EdgeContext);
  if (client === undefined) throw new Error("wrap the component in <EdgeProvider client={connect({ url, token })}>");
  return client;
}
