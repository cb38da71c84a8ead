/** `useOpportunities`: the living opportunities, each once in its newest state, the most profitable first. */
import { useMemo, useSyncExternalStore } from "react";
import { keyOf } from "../client/channels.ts";
import type { Client, EntityList, EntityOptions, Filters, Opportunity } from "../client/index.ts";
import { useEdgeClient } from "./context.ts";

export interface UseOpportunitiesOptions {
  readonly filters?: Filters;
  readonly limit?: number;
}

export interface OpportunitiesView extends Omit<EntityList<Opportunity>, "items"> {
  readonly opportunities: readonly Opportunity[];
}

const shownMax = 100;

export function useOpportunities({ filters = {}, limit = shownMax }: UseOpportunitiesOptions = {}): OpportunitiesView {
  const client = useEdgeClient();
  // Filters written in place are a new object with each render: what they say decides.
  const key = JSON.stringify([keyOf("opportunities", filters), limit]);
  const store = useMemo(() => new ListStore(client, { filters, limit }), [client, key]);
  const { items, state, error } = useSyncExternalStore(store.subscribe, store.current, store.current);
  return { opportunities: items, state, error };
}

const loading: EntityList<Opportunity> = { items: [], state: "loading", error: undefined };

/** Holds the list for as long as a component listens: React subscribes in an effect, so a render opens nothing. */
class ListStore {
  readonly #client: Client;
  readonly #options: EntityOptions;
  #list = loading;

  constructor(client: Client, options: EntityOptions) {
    this.#client = client;
    this.#options = options;
  }

  readonly current = (): EntityList<Opportunity> => this.#list;

  readonly subscribe = (listener: () => void): (() => void) => {
    const view = this.#client.entities("opportunities", this.#options);
    // Shared with others it may have its list already; React looks again right after subscribing.
    this.#list = view.current;
    view.onChange((list) => {
      this.#list = list;
      listener();
    });
    return () => view.close();
  };
}
