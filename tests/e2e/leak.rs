//! What must never be found is looked for in everything that a run leaves or says, by a search that has proved itself.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use kido_shared::challenge::Action;
use kido_shared::ids::{EventId, GateId};
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, Process, Shown, TicketRow, Venue, wait_for};
use kido_tests::leak::{Leak, LeakSearch, makes_no_core_dump};
use kido_tests::open_metrics::Scraped;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{Marker, PIN, WRONG_PIN};

use crate::chapter::{Chapter, bind, link, welcome};
use crate::direct::{Direct, proof};
use crate::proxy::Proxy;

/// Cards that this run shows to every program.
const CAST: [Character; 6] = [
    Character::Holder,
    Character::SecondHolder,
    Character::Copy,
    Character::Stranger,
    Character::Expired,
    Character::SignatureIn000a,
];

/// How long a process may take to be there.
const THERE_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_card_is_left_anywhere() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("leak")? else { return Ok(()) };
    let proxy = Proxy::start().await?;
    let mut venue = Venue::open_behind(chapter.folder(), proxy.origin()).await?;
    proxy.to(&venue.registrar.origin());
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let rows = ["HOLDER-01", "SECOND-01", "DIRECT-01", "UNUSED-01"].map(TicketRow::open_now);
    let links = venue.registrar.import(&event, &rows, false).await?;
    let mut told = Vec::new();
    let mut gate = None;

    chapter
        .step("a run with good cards, wrong PINs and refused certificates", async {
            bind(&venue, Character::Holder, link(&links, "HOLDER-01")?).await?;
            bind(&venue, Character::SecondHolder, link(&links, "SECOND-01")?).await?;
            for card in [Character::Expired, Character::SignatureIn000a, Character::Copy] {
                let run = venue.register(card, link(&links, "UNUSED-01")?).await?;
                anyhow::ensure!(!run.success, "{card} was bound");
            }
            told.extend(answers(&venue, &event, &links).await?);
            let running = gate.insert(Gate::enrol(&venue, &event, "A", 0).await?);
            running.start().await?;
            running.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
            for (card, pin) in [
                (Character::Holder, WRONG_PIN),
                (Character::Holder, PIN),
                (Character::Holder, PIN),
                (Character::Copy, PIN),
                (Character::Stranger, PIN),
            ] {
                told.push(screen(&running.tap(&venue, card, Vec::new(), pin).await?.shown));
            }
            welcome(&running.tap(&venue, Character::SecondHolder, Vec::new(), PIN).await?)
        })
        .await;
    chapter
        .step("what is scraped is right, is what the rules watch, and labels nothing with a text from outside", async {
            let gate = gate.as_ref().context("no gate")?;
            let scraped = [("registrar", venue.registrar.scrape().await?), ("gate", gate.scrape().await?)];
            numbers(&scraped)?;
            told.extend(scraped.map(|(name, text)| (format!("the scrape of the {name}"), text.into_bytes())));
            Ok(())
        })
        .await;
    chapter
        .step("no process of it would write a core dump", async {
            let gate = gate.as_mut().context("no gate")?;
            core_dumps(&venue, gate, link(&links, "UNUSED-01")?).await
        })
        .await;
    chapter
        .step("nothing while it runs, and nothing after it ended: files, logs, answers, feed, screens", async {
            let search = proved(&venue)?;
            told.push(("the feed on the wire".to_owned(), proxy.feed_bytes()));
            anyhow::ensure!(told.iter().all(|(_, bytes)| !bytes.is_empty()), "an answer is empty");
            let mut leaks: BTreeSet<Leak> = BTreeSet::new();
            for (name, bytes) in &told {
                leaks.extend(search.search_bytes(name, bytes));
            }
            leaks.extend(search.search(venue.folder())?.leaks);
            gate.take().context("no gate")?.stop().await?;
            venue.registrar.stop().await?;
            let after = search.search(venue.folder())?;
            leaks.extend(after.leaks);
            println!("     {} files, {} bytes, {} answers", after.files, after.bytes, told.len());
            anyhow::ensure!(after.files > 20, "only {} files", after.files);
            anyhow::ensure!(leaks.is_empty(), "{leaks:#?}");
            Ok(())
        })
        .await;
    chapter.step("no code of a link is kept but by its hash", async { codes(&venue, &links) }).await;
    chapter.end()
}

/// The search for the whole cast, after it has found a planted leak in each form.
fn proved(venue: &Venue) -> anyhow::Result<LeakSearch> {
    let search = LeakSearch::for_cards(&CAST)?;
    let bench = venue.folder().join("planted");
    std::fs::create_dir_all(&bench)?;
    let found = search.prove(&bench)?;
    std::fs::remove_dir_all(&bench)?;
    println!("     {found} planted leaks were found");
    Ok(search)
}

/// What the run above has done, as the two programs have counted it.
fn numbers([(_, registrar), (_, gate)]: &[(&str, String); 2]) -> anyhow::Result<()> {
    let (registrar, gate) = (Scraped::read(registrar)?, Scraped::read(gate)?);
    for (scraped, sample, labels, value) in [
        (&gate, "kido_gate_openings_total", &[][..], 2.0),
        (&gate, "kido_gate_refusals_total", &[("code", "28")], 1.0),
        (&gate, "kido_gate_refusals_total", &[("code", "18")], 1.0),
        (&gate, "kido_gate_claims_total", &[("answer", "granted")], 2.0),
        (&gate, "kido_gate_line", &[("state", "online")], 1.0),
        (&gate, "kido_gate_line", &[("state", "offline")], 0.0),
        (&gate, "kido_gate_in_order", &[], 1.0),
        (&registrar, "kido_registrar_claims_total", &[("step", "claim"), ("answer", "granted")], 2.0),
        // The rehearsal, and the event that it rehearses.
        (&registrar, "kido_registrar_events_served", &[], 2.0),
        (&registrar, "kido_registrar_gates_copied_total", &[], 0.0),
    ] {
        let told = scraped.value(sample, labels);
        anyhow::ensure!(told == Some(value), "{sample} {labels:?} is {told:?}, not {value}");
    }
    let listeners = registrar.value("kido_registrar_live_feed_listeners", &[]);
    anyhow::ensure!(listeners >= Some(1.0), "the gate follows live, and {listeners:?} are told");
    let refused = gate.sum("kido_gate_refusals_total");
    anyhow::ensure!(refused >= 4.0, "{refused} refusals");
    for (scraped, program) in [(&registrar, "kido-registrar"), (&gate, "kido-gate")] {
        let version = [("program", program), ("version", env!("CARGO_PKG_VERSION"))];
        anyhow::ensure!(scraped.value("kido_build_info", &version) == Some(1.0), "{program}");
        anyhow::ensure!(scraped.value("kido_log_sync_duration_seconds_count", &[]) > Some(0.0), "{program}");
        let began = scraped.value("process_start_time_seconds", &[]).unwrap_or_default();
        anyhow::ensure!(began > 1_700_000_000.0, "{program} began {began}");
        labels(scraped)?;
    }
    Ok(())
}

/// Each label has its own closed set of values.
fn labels(scraped: &Scraped) -> anyhow::Result<()> {
    let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    for (label, values) in scraped.label_values() {
        let is_known = |value: &String| match label.as_str() {
            "step" | "answer" | "outcome" | "state" | "call" | "why" => word(value),
            "code" => value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_digit()),
            "status" => ["1xx", "2xx", "3xx", "4xx", "5xx"].contains(&value.as_str()),
            // A template has no digit but that of its version.
            "route" => {
                let template = value.replace("/v1/", "/");
                value == "none" || value.starts_with('/') && !template.bytes().any(|byte| byte.is_ascii_digit())
            }
            "event" => value.parse::<EventId>().is_ok(),
            "gate" => value.parse::<GateId>().is_ok(),
            "le" => value.parse::<f64>().is_ok(),
            "program" => value.starts_with("kido-"),
            "version" => value == env!("CARGO_PKG_VERSION"),
            _unknown => false,
        };
        let strange: Vec<_> = values.iter().filter(|value| !is_known(value)).collect();
        anyhow::ensure!(strange.is_empty(), "{label}: {strange:?}");
    }
    Ok(())
}

fn screen(shown: &Shown) -> (String, Vec<u8>) {
    (format!("the screen {}", shown.kind()), shown.0.to_string().into_bytes())
}

/// What anybody, an operator and a lying helper are answered.
async fn answers(
    venue: &Venue,
    event: &str,
    links: &std::collections::BTreeMap<String, String>,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut told = Vec::new();
    let token = std::fs::read_to_string(venue.registrar.folder().join("operator.token"))?;
    for path in [
        "/healthz".to_owned(),
        "/openapi.json".to_owned(),
        format!("/api/v1/events/{event}/feed/head"),
        format!("/api/v1/events/{event}/feed/key"),
        format!("/api/v1/events/{event}/feed/0/tail/0"),
        format!("/api/v1/events/{event}"),
        format!("/api/v1/events/{event}/tickets/HOLDER-01"),
        "/nothing".to_owned(),
    ] {
        let url = format!("{}{path}", venue.registrar.origin());
        let answer = http.get(&url).bearer_auth(token.trim()).send().await?;
        anyhow::ensure!(answer.status().is_success() || path == "/nothing", "{path}: {}", answer.status());
        let headers = format!("{:?}", answer.headers());
        told.push((path, [headers.into_bytes(), answer.bytes().await?.to_vec()].concat()));
    }
    // A certificate and a proof in the body of a request whose answer is a refusal.
    let (direct, link) = (Direct::to(&venue.registrar.public_origin())?, link(links, "DIRECT-01")?);
    let started = direct.start(Action::Bind, link).await?.map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
    let lie = kido_shared::challenge::RegistrationMessage { action: Action::Show, ..direct.message(&started, link)? };
    let proof = proof(Character::Stranger, &lie)?;
    let refused = direct.prove(started.session, &proof).await?.err().context("accepted")?;
    told.push(("a refused proof".to_owned(), serde_json::to_vec(&refused)?));
    Ok(told)
}

/// Registrar, gate, the gate's reader, and a card helper that waits for its link.
async fn core_dumps(venue: &Venue, gate: &mut Gate, link: &str) -> anyhow::Result<()> {
    let registrar = venue.registrar.process().and_then(Process::pid).context("no registrar")?;
    let gate = gate.process().and_then(|process| process.pid()).context("no gate")?;
    let gate = gate.as_raw_nonzero().get();
    let child = async || Ok(child_of(gate).ok().flatten());
    let reader = wait_for("the reader's process", THERE_WITHIN, child).await?;
    let command = venue.helper(1).command(&["register", "--pin-stdin", "--yes-host", "127.0.0.1"]);
    venue.control()?.insert(1, Character::Holder, Vec::new())?;
    let mut helper = Process::start("kido-card-waiting", command, venue.logs())?;
    let pid = helper.pid().context("no helper")?.as_raw_nonzero().get();
    let ready = async || Ok(makes_no_core_dump(pid).ok().filter(|none| *none));
    let helper_makes_none = wait_for("the helper to switch core dumps off", THERE_WITHIN, ready).await;
    helper.type_line(link).await?;
    helper.kill().await?;
    venue.control()?.remove(1)?;
    for (name, pid) in
        [("the registrar", registrar.as_raw_nonzero().get()), ("the gate", gate), ("the gate's reader", reader)]
    {
        anyhow::ensure!(makes_no_core_dump(pid)?, "{name} would write one");
    }
    helper_makes_none?;
    Ok(())
}

/// A child of any of a process's threads: it is listed under the one that made it.
fn child_of(pid: i32) -> anyhow::Result<Option<i32>> {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let children = std::fs::read_to_string(thread?.path().join("children"))?;
        if let Some(child) = children.split_whitespace().next() {
            return Ok(Some(child.parse()?));
        }
    }
    Ok(None)
}

/// A code lies in the file that it was written to for the shop, and nowhere else.
fn codes(venue: &Venue, links: &std::collections::BTreeMap<String, String>) -> anyhow::Result<()> {
    let code = |link: &String| link.split_once('#').map(|(_, code)| code.to_owned());
    let grouped: Vec<String> = links.values().filter_map(code).collect();
    let plain = grouped.iter().map(|code| code.replace('-', ""));
    let markers = grouped.iter().cloned().chain(plain).map(|code| Marker { label: "code", bytes: code.into_bytes() });
    let search = LeakSearch::new(markers.collect())?;
    let mut leaks = BTreeSet::new();
    let gates = std::fs::read_dir(venue.folder())?.filter_map(Result::ok).map(|entry| entry.path());
    let gates = gates.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("gate-")));
    let places: Vec<PathBuf> = gates.chain([venue.registrar.folder().to_owned(), venue.logs().to_owned()]).collect();
    for place in places {
        leaks.extend(search.search(&place)?.leaks);
    }
    anyhow::ensure!(leaks.is_empty(), "{leaks:#?}");
    Ok(())
}
