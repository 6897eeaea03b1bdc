/** What explains what, from the root to the members, with delays and weights. */

import type { AnyColour, Colour, Incident, Member } from "../types";
import { t, word } from "../words";
import { Shape } from "./mark";

type Node = { id: string; asset: string; colour: AnyColour; depth: number; row: number; member: Member | null };

const WIDE = 192;
const GAP = 40;
const TALL = 44;
const NODES = 12;

/** Members in columns by how many steps they lie from the root. */
function layout(incident: Incident): Node[] {
  const { root, members } = incident.situation;
  const shown = members.slice(0, NODES);
  const parents = new Map(shown.map((member) => [member.alarm, member.why.by ?? ""]));
  const suspected = root && !shown.some((member) => member.alarm === root.alarm);
  const depth = (alarm: string, seen = 0): number => {
    const by = parents.get(alarm);
    if (root?.alarm === alarm || seen > NODES) return 0;
    return by && parents.has(by) ? depth(by, seen + 1) + 1 : root ? 1 : 0;
  };
  const rows: number[] = [];
  const put = (id: string, asset: string, colour: AnyColour, at: number, member: Member | null): Node => {
    const row = rows[at] ?? 0;
    rows[at] = row + 1;
    return { id, asset, colour, depth: at, row, member };
  };
  const first = suspected ? [put("", root.asset, "clear", 0, null)] : [];
  return [...first, ...shown.map((member) => put(member.alarm, member.asset, member.colour, depth(member.alarm), member))];
}

const short = (asset: string): string => (asset.length > 20 ? `${asset.slice(0, 19)}…` : asset);

export function CauseGraph({ incident, drill }: { incident: Incident; drill: boolean }) {
  const nodes = layout(incident);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root = nodes.find((node) => node.depth === 0);
  const width = (Math.max(...nodes.map((node) => node.depth)) + 1) * (WIDE + GAP) - GAP;
  const height = (Math.max(...nodes.map((node) => node.row)) + 1) * (TALL + 14);
  const x = (node: Node) => node.depth * (WIDE + GAP);
  const y = (node: Node) => node.row * (TALL + 14) + 4;
  const hidden = incident.situation.members.length - NODES;
  return (
    <div class="graph">
      <svg width={width + 8} height={height + 8} viewBox={`-4 0 ${width + 8} ${height + 8}`} role="img" aria-label={t("incident.graph")}>
        {nodes.map((node) => {
          const from = byId.get(node.member?.why.by ?? "") ?? root;
          if (!from || from === node || from.depth >= node.depth) return null;
          const [x1, y1, x2, y2] = [x(from) + WIDE, y(from) + TALL / 2, x(node), y(node) + TALL / 2];
          return <path key={node.id} class="edge" d={`M${x1} ${y1}C${x1 + GAP / 2} ${y1} ${x2 - GAP / 2} ${y2} ${x2} ${y2}`} />;
        })}
        {nodes.map((node) => <NodeBox key={node.id} node={node} x={x(node)} y={y(node)} root={node === root} drill={drill} />)}
      </svg>
      {hidden > 0 && <p>{t("incident.more_members", { n: hidden })}</p>}
    </div>
  );
}

function NodeBox({ node, x, y, root, drill }: { node: Node; x: number; y: number; root: boolean; drill: boolean }) {
  const why = node.member?.why;
  const reason = root ? t("incident.root") : why?.delay_s !== undefined ? t("why.delay", { s: why.delay_s, w: (why.weight ?? 0).toFixed(2) }) : word("why", why?.how ?? "");
  return (
    <g transform={`translate(${x} ${y})`} class={`node${root ? " root" : ""}`}>
      <title>{`${node.asset} · ${word("why", why?.how ?? "")} ${why?.edge ?? ""}`}</title>
      <rect width={WIDE} height={TALL} rx="3" />
      {node.colour !== "clear" && <Shape colour={node.colour as Colour} x={8} y={11} size={22} hatched={drill} />}
      <text x="38" y="19">{short(node.asset)}</text>
      <text x="38" y="36" class="why">{reason}</text>
    </g>
  );
}
