/** Starts the page: signs in, follows changes, and shows what the address names. */

import { render } from "preact";
import { useEffect } from "preact/hooks";
import { readSession, session, signedOut } from "./api";
import { incidents } from "./list";
import { listenToKeys } from "./keys";
import { city } from "./names";
import { Bar, Health, LISTS } from "./parts/bar";
import { ActionForm, asked } from "./parts/form";
import { GiveForm, wanted } from "./parts/give";
import { Help } from "./parts/help";
import { Results } from "./parts/results";
import { AreaPage } from "./pages/area";
import { ChannelPage } from "./pages/channel";
import { CityPage } from "./pages/city";
import { DutyPage } from "./pages/duty";
import { IncidentPage } from "./pages/incident";
import { ListPage } from "./pages/lists";
import { RecoveryPage } from "./pages/recovery";
import { SignIn } from "./pages/signin";
import { followLinks, path } from "./route";
import { ring } from "./sound";
import { followChanges, stale } from "./store";
import { startClock } from "./time";
import { t } from "./words";
import "./style/base.css";
import "./style/marks.css";
import "./style/pages.css";
import "./style/phone.css";

function Page() {
  const [kind = "", first = "", second = ""] = path.value;
  if (kind === "") return <CityPage />;
  if ((kind === "lifeline" || kind === "district") && first) return <AreaPage key={`${kind} ${first}`} group={kind} name={first} />;
  if (kind === "incident" && first) return <IncidentPage key={first} id={first} />;
  if (kind === "channel" && second) return <ChannelPage key={second} lifeline={first} channel={second} />;
  const list = LISTS.find((one) => kind === "lists" && one === first);
  if (list === "duty") return <DutyPage />;
  if (list === "recovery") return <RecoveryPage key={second} incident={second} />;
  if (list) return <ListPage key={list} list={list} />;
  return <p class="empty">{t("state.gone")}</p>;
}

function Work() {
  useEffect(() => {
    const stops = [city.open(), incidents.open()];
    return () => stops.forEach((stop) => stop());
  }, []);
  const form = asked.value;
  const given = wanted.value;
  return (
    <>
      <main id="page" tabIndex={-1}><Page /></main>
      <Help />
      <div class="tray">
        <Results />
        {form && <ActionForm key={`${form.action} ${form.line.id}`} {...form} />}
        {given && <GiveForm key={`${given.kind} ${given.line?.id ?? given.order?.order ?? ""}`} {...given} />}
      </div>
    </>
  );
}

function App() {
  return (
    <div class={`app${stale() ? " lost" : ""}`}>
      <Bar />
      <Health />
      {session.value ? <Work /> : signedOut.value ? <main><SignIn /></main> : <main><p class="empty">{t("state.loading")}</p></main>}
    </div>
  );
}

render(<App />, document.body);
followLinks();
listenToKeys();
followChanges();
startClock(() => !stale());
ring();

const AGAIN_MS = 2_000;
const begin = (): void => void readSession().catch(() => window.setTimeout(begin, AGAIN_MS));
begin();
