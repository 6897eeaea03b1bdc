/** What became of actions: sent, done, refused and why; undone where that can be. */

import { actionName, dismiss, results } from "../commands";
import { t } from "../words";

export function Results() {
  return (
    <div class="results" role="status" aria-live="polite">
      {results.value.map((result) => (
        <p key={result.id} class={result.state} data-target={result.target}>
          <span>{t(`result.${result.state}`, { what: actionName(result.action), why: result.why })}</span>
          {result.undo && <button type="button" onClick={() => { result.undo?.(); dismiss(result.id); }}>{t("act.undo")}</button>}
          {result.state !== "sent" && <button type="button" onClick={() => dismiss(result.id)}>{t("act.dismiss")}</button>}
        </p>
      ))}
    </div>
  );
}
