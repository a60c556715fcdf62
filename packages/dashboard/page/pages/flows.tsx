import type { JSX } from "preact";
import { useActions } from "../actions.tsx";
import { NotHere, type PageProps } from "../app.tsx";
import { linkTo, useLoaded } from "../hooks.ts";
import { Button, Data, Empty, Panel, Skeleton, State } from "../ui.tsx";
import { FlowGraph, type FlowMember } from "./flow-graph.tsx";

interface Flow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly members?: readonly FlowMember[];
}

export function FlowsPage({ connection, query }: PageProps): JSX.Element {
  const id = query.get("id");
  return id === null ? <FlowList connection={connection.name} /> : <OneFlow connection={connection.name} id={id} />;
}

function FlowList({ connection }: { readonly connection: string }): JSX.Element {
  const { value, error } = useLoaded<readonly Flow[] | { readonly flows: readonly Flow[] }>(`${connection}/flows`);
  const flows = value === null ? null : "flows" in value ? value.flows : value;
  return (
    <>
      <header class="head">
        <h1>Flows</h1>
      </header>
      {error && <NotHere error={error} what="flows" />}
      {!error && flows === null && <Skeleton />}
      {flows?.length === 0 && (
        <Empty title="No flows">A flow shows here once jobs.flow(…).start() has stored it.</Empty>
      )}
      <div class="groups">
        {flows?.map((flow) => (
          <article class="panel group" key={flow.id}>
            <div class="group-text">
              <h2>
                <a href={linkTo(connection, "flows", { id: flow.id })}>
                  <Data value={flow.name} />
                </a>{" "}
                <State of={flow.state} />
              </h2>
              <p class="muted">
                <Data value={flow.id} mono />
              </p>
            </div>
          </article>
        ))}
      </div>
    </>
  );
}

function OneFlow({ connection, id }: { readonly connection: string; readonly id: string }): JSX.Element {
  const { readOnly, act } = useActions();
  const { value, error, reload } = useLoaded<Flow>(`${connection}/flow`, { id }, 2_000);
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(connection, "flows")}>Flows</a> <span aria-hidden="true">/</span> <Data value={id} mono />
      </p>
      {error && <NotHere error={error} what="such flow" />}
      {!error && value === null && <Skeleton />}
      {value && (
        <>
          <header class="head">
            <h1>
              <Data value={value.name} /> <State of={value.state} />
            </h1>
            {!readOnly && (
              <Button
                tone="danger"
                onClick={() =>
                  act({
                    path: "flows/cancel",
                    body: { id },
                    ask: {
                      title: "Cancel this flow?",
                      text: "Members that have not run never do.",
                      yes: "Cancel the flow",
                      isDangerous: true,
                    },
                    done: "The flow is cancelled",
                    onDone: reload,
                  })
                }
              >
                Cancel
              </Button>
            )}
          </header>
          <Panel title="Members">
            <FlowGraph members={value.members ?? []} connection={connection} />
          </Panel>
        </>
      )}
    </>
  );
}
