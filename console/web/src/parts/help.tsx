/** Which key does what. */

import { helpOpen } from "../keys";
import { t } from "../words";

export function Help() {
  if (!helpOpen.value) return null;
  const keys: [string, string][] = [
    ["j k", t("keys.move")],
    ["Enter", t("keys.open")],
    ["a", t("act.acknowledge")],
    ["d", t("act.dispatch")],
    ["s", t("act.shelve")],
    ["r", t("give.report")],
    ["w", t("give.maintenance")],
    ["D", t("act.drill")],
    ["x", t("keys.select")],
    ["/", t("keys.filter")],
    ["?", t("keys.help")],
    ["Esc", t("keys.escape")],
  ];
  return (
    <aside class="help" aria-label={t("keys.title")}>
      <h2>{t("keys.title")}</h2>
      <dl>{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
      <p><a href="/static/licences.txt" target="_blank">{t("bar.licences")}</a></p>
    </aside>
  );
}
