/** What forms are made of. */

import type { ComponentChildren } from "preact";
import { mayCommand } from "../store";
import { t } from "../words";

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return <label class="field"><span>{label}</span>{children}</label>;
}

type Choice = { label: string; value: string; options: [string, string][]; put: (value: string) => void };

export function Select({ label, value, options, put }: Choice) {
  return (
    <Field label={label}>
      <select value={value} onChange={(event) => put(event.currentTarget.value)}>
        {options.map(([name, title]) => <option key={name} value={name}>{title}</option>)}
      </select>
    </Field>
  );
}

export function Buttons({ cancel }: { cancel: () => void }) {
  return (
    <div class="buttons">
      <button type="submit" class="primary" disabled={!mayCommand()}>{t("act.send")}</button>
      <button type="button" onClick={cancel}>{t("act.cancel")}</button>
    </div>
  );
}
