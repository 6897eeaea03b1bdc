/** Signing in with a password or by the city's own provider. */

import { useSignal } from "@preact/signals";
import { methods, query, Refused, signIn } from "../api";
import { t } from "../words";
import { en, type Key } from "../words/en";

/** Why the provider's answer signed nobody in, which the server writes into the address. */
function refusal(): string {
  const key = `sign.${new URLSearchParams(location.search).get("refused") ?? ""}`;
  return key in en ? t(key as Key) : "";
}

/** The provider sends people back to the page that they came from. */
function start(): string {
  const from = new URLSearchParams(location.search).has("refused") ? "/" : location.pathname + location.search;
  return `/api/oidc/start?${query({ to: from })}`;
}

export function SignIn() {
  const wrong = useSignal(refusal());
  const submit = async (event: Event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await signIn(String(given.get("user")), String(given.get("password")));
    } catch (error) {
      const code = error instanceof Refused ? error.code : "network";
      wrong.value = code === "network" ? t("error.network") : code === "wrong" ? t("sign.wrong") : t("sign.often");
    }
  };
  return (
    <section class="signin">
      <h1>{t("sign.title")}</h1>
      {wrong.value && <p class="wrong" role="alert">{wrong.value}</p>}
      {methods.value.includes("password") && (
        <form onSubmit={(event) => void submit(event)}>
          <label class="field"><span>{t("sign.user")}</span><input name="user" autocomplete="username" required autoFocus /></label>
          <label class="field"><span>{t("sign.password")}</span><input name="password" type="password" autocomplete="current-password" required /></label>
          <button class="primary" type="submit">{t("sign.in")}</button>
        </form>
      )}
      {methods.value.includes("oidc") && <p><a class="button" href={start()}>{t("sign.oidc")}</a></p>}
    </section>
  );
}
