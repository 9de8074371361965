//! From an empty registrar to the first admission: an event, its tickets, a registered card, a gate.

use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_tests::harness::wait_for;
use kido_virtual_card::planted::PIN;
use time::macros::{format_description, offset};

use super::{FOLLOWS_WITHIN, OPENING_WITHIN, Operator, REFUSAL};
use crate::chapter::Chapter;

pub(super) const COLUMNS: &str = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party";

/// Tickets of an import that takes several steps, so that it can be left in the middle.
const MANY: usize = 620;

/// What the console takes at most, in bytes, and one more.
const TOO_LARGE: u64 = 16 * 1024 * 1024 + 1;

/// A moment as a form's field has it, and as a file has it: on a wall in Japan.
fn in_japan(seconds_from_now: i64) -> anyhow::Result<(String, String)> {
    let at = time::OffsetDateTime::from_unix_timestamp(SystemClock.now().unix_seconds() + seconds_from_now)?;
    let minute = at.to_offset(offset!(+9)).format(format_description!("[year]-[month]-[day]T[hour]:[minute]"))?;
    Ok((minute.clone(), format!("{minute}:00+09:00")))
}

impl Operator<'_> {
    pub(super) async fn opens(&mut self, chapter: &mut Chapter) {
        let began = SystemClock.now();
        self.enters(chapter).await;
        self.makes_the_event(chapter).await;
        self.imports(chapter).await;
        self.registers_cards(chapter).await;
        self.brings_a_gate(chapter).await;
        chapter
            .step("the first admission, seen on the day's page while it is open", async {
                self.admits_first().await?;
                self.tells_the_time(began)
            })
            .await;
    }

    fn tells_the_time(&self, began: Timestamp) -> anyhow::Result<()> {
        let took = SystemClock.now().since(began).saturating_sub(self.looked);
        println!(
            "     {:.1} s from signing in to the first admission, {:.1} s of looking at pages not counted",
            took.as_secs_f64(),
            self.looked.as_secs_f64()
        );
        anyhow::ensure!(took < OPENING_WITHIN, "it took {} s", took.as_secs());
        Ok(())
    }

    async fn enters(&mut self, chapter: &mut Chapter) {
        chapter
            .step(&format!("{}: a wrong token opens nothing, the right one the console", self.language), async {
                let address = self.address("/console");
                self.go(&address).await?;
                self.sees("#token").await?;
                self.looks("sign-in").await?;
                self.fill("#token", "nobodys-token").await?;
                self.press("main button.first").await?;
                self.sees(".band.elsewhere[role='alert']").await?;
                self.looks_expecting("sign-in-wrong", &REFUSAL).await?;
                let token = self.operators_token()?;
                self.signs_in(&token).await?;
                self.looks("events-before").await
            })
            .await;
    }

    async fn makes_the_event(&mut self, chapter: &mut Chapter) {
        let name = if self.language == "ja" { "木戸の夕べ" } else { "An evening at Kido" };
        chapter
            .step("an event: dates that cannot be are told, and nothing typed is lost", async {
                self.press(".heading .button.first").await?;
                self.sees("#offline-refuse").await?;
                self.looks("event-new").await?;
                self.fill("#name", name).await?;
                self.has_dates((6 * 3_600, -1_800)).await?;
                self.chooses_to_admit_offline().await?;
                self.press("main form button.first").await?;
                self.sees(".band.elsewhere[role='alert']").await?;
                self.looks_expecting("event-refused", &REFUSAL).await?;
                let kept = "return [document.querySelector('#name').value, \
                    String(document.querySelector('#offline-admit').checked)].join()";
                anyhow::ensure!(self.ask(kept).await? == format!("{name},true"), "something typed is lost");
                self.has_dates((-1_800, 6 * 3_600)).await?;
                self.press("main form button.first").await?;
                self.arrives_at_event().await
            })
            .await;
        chapter
            .step("a rehearsal of it, where test cards are accepted", async {
                let real = self.event.clone();
                self.press(".tabs a[href='/console/events']").await?;
                self.press(".heading .button.first").await?;
                self.fill("#name", name).await?;
                self.has_dates((-1_800, 6 * 3_600)).await?;
                self.chooses_to_admit_offline().await?;
                self.visitor.browser.set("#rehearsal_of", &real).await?;
                self.press("main form button.first").await?;
                self.arrives_at_event().await?;
                self.sees("aside.rehearsal").await?;
                anyhow::ensure!(self.event != real, "no rehearsal was made");
                self.real = real;
                self.looks("rehearsal-empty").await
            })
            .await;
    }

    async fn has_dates(&self, (starts, ends): (i64, i64)) -> anyhow::Result<()> {
        self.visitor.browser.set("#starts_at", &in_japan(starts)?.0).await?;
        Ok(self.visitor.browser.set("#ends_at", &in_japan(ends)?.0).await?)
    }

    /// The third of three choices: by keyboard with the arrows, as in every group of round boxes.
    async fn chooses_to_admit_offline(&self) -> anyhow::Result<()> {
        if self.language != "ja" {
            return self.press("#offline-admit").await;
        }
        self.visitor.browser.tab_to("[name='offline']").await?;
        for _step in 0..2 {
            self.visitor.browser.key(char::from(fantoccini::key::Key::Down)).await?;
        }
        Ok(self.visitor.browser.wait("the choice", "document.querySelector('#offline-admit').checked").await?)
    }

    async fn arrives_at_event(&mut self) -> anyhow::Result<()> {
        let here = "/^\\/console\\/events\\/(?!new)[^\\/]+$/.test(location.pathname)";
        self.visitor.browser.wait("the event's page", here).await?;
        let last = self.ask("return location.pathname.split('/').pop()").await?;
        self.event = last.as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    /// A file for the import, with these rows below the columns.
    pub(super) fn file(&self, name: &str, columns: &str, rows: &[String]) -> anyhow::Result<std::path::PathBuf> {
        let path = self.downloads.with_file_name(format!("{name}-{}.csv", self.language));
        std::fs::write(&path, format!("{columns}\n{}\n", rows.join("\n")))?;
        Ok(path)
    }

    pub(super) fn rows(&self) -> anyhow::Result<Vec<String>> {
        let (from, until) = (in_japan(-3_600)?.1, in_japan(6 * 3_600)?.1);
        let names = ["FIRST", "SECOND", "THIRD", "FOURTH"].into_iter().map(str::to_owned);
        let names = names.chain((0..MANY).map(|number| format!("{number:04}")));
        let seat = if self.language == "ja" { "2階 7列 12番" } else { "Row 7 seat 12" };
        let row = |name: String| format!("{},ORDER-{name},A,{seat},{from},{until},1,", self.ticket(&name));
        Ok(names.map(row).collect())
    }

    async fn imports(&mut self, chapter: &mut Chapter) {
        chapter
            .step("an import: bad rows, other columns and too large a file are told, and nothing is imported", async {
                self.press(".band a[href$='/import']").await?;
                self.sees("#file").await?;
                self.looks("import").await?;
                let rows = self.rows()?;
                let faulty = |(place, row): (usize, &String)| match place {
                    0 => row.replace("CONSOLE-", "taro "),
                    1 => row.clone(),
                    _ => row.replace(",1,", ",0,"),
                };
                let rows: Vec<String> = rows.iter().take(3).enumerate().map(faulty).collect();
                let bad = self.file("bad", COLUMNS, &rows)?;
                self.press("#reserved").await?;
                self.gives(&bad).await?;
                self.sees("section[role='alert'] li").await?;
                let told = self.text("section[role='alert']").await?;
                anyhow::ensure!(told.contains("ticket_ref") && told.contains("entries"), "{told}");
                anyhow::ensure!(!told.contains("taro"), "what stands in a row is repeated");
                let kept = self.ask("return document.querySelector('#reserved').checked").await?;
                anyhow::ensure!(kept == true, "the box was emptied");
                self.looks("import-faults").await?;
                self.press("#reserved").await?;
                let other = self.file("other", &format!("{COLUMNS},email"), &[])?;
                self.gives(&other).await?;
                self.visitor
                    .browser
                    .wait("the column's name", "document.querySelector('[role=alert] li')?.innerText.includes('email')")
                    .await?;
                let large = self.file("large", COLUMNS, &[])?;
                std::fs::File::options().write(true).open(&large)?.set_len(TOO_LARGE)?;
                self.gives(&large).await?;
                self.sees("#too-large").await?;
                self.looks("import-too-large").await
            })
            .await;
        chapter
            .step("the code file first, then the tickets", async {
                let rows = self.rows()?;
                let good = self.file("good", COLUMNS, &rows)?;
                self.gives(&good).await?;
                self.sees("[data-save]").await?;
                self.looks("import-ready").await?;
                self.press("[data-save]").await?;
                self.has_code_file(rows.len()).await?;
                self.leaves_in_the_middle().await?;
                self.press("[data-next]").await?;
                self.sees("#codes").await?;
                self.looks("import-over").await?;
                self.meets_it_elsewhere().await?;
                let address = format!("/import/print?sheet={}", rows.len() / 300);
                let print = self.of_event(&address);
                self.go(&print).await?;
                self.sees(".slips td").await?;
                self.looks("import-print").await?;
                self.prints_slips().await?;
                self.press("main a[href$='/import']").await?;
                self.sees("#codes").await
            })
            .await;
    }

    pub(super) async fn gives(&self, file: &std::path::Path) -> anyhow::Result<()> {
        self.visitor.browser.give_file("#file", file).await?;
        self.press("[data-read] button").await
    }

    /// The first step is done, and the page is gone before the second: it comes back with *go on*.
    async fn leaves_in_the_middle(&mut self) -> anyhow::Result<()> {
        let step = "const done = arguments[arguments.length - 1]; const { import: home, form, held } = live.dataset; \
            return fetch(`${home}/next?import=${held}`, { method: 'POST', headers: { 'Kido-Form': form } }).then((answer) => answer.status)";
        anyhow::ensure!(self.ask(step).await? == 200, "the first step was not done");
        let address = self.of_event("/import");
        self.go(&address).await?;
        self.sees("progress").await?;
        self.looks("import-running").await
    }

    /// Another event's page says where the codes are that are still held, and leads there.
    async fn meets_it_elsewhere(&mut self) -> anyhow::Result<()> {
        let real = self.real.clone();
        let other = self.address(&format!("/console/events/{real}/import"));
        self.go(&other).await?;
        self.sees("#live[data-page='console-import-elsewhere']").await?;
        self.looks("import-elsewhere").await?;
        self.press("#live a.first").await?;
        self.sees("#codes").await
    }

    /// The button of the sheet of codes asks for paper, and what comes out has no controls on it.
    async fn prints_slips(&self) -> anyhow::Result<()> {
        self.visitor.browser.watch_printing().await?;
        self.press("[data-print]").await?;
        anyhow::ensure!(self.visitor.browser.asked_to_print().await? == 1, "the button prints nothing");
        let paper = self.visitor.browser.print(&format!("console-import-print.{}", self.language)).await?;
        anyhow::ensure!(paper.sheets >= 1, "{paper:?}");
        Ok(())
    }

    /// Waits for the code file, holds it against what was sent, and keeps its links.
    async fn has_code_file(&mut self, tickets: usize) -> anyhow::Result<()> {
        let path = self.downloads.join("kido-codes.csv");
        let saved = async || Ok(std::fs::read_to_string(&path).ok().filter(|text| text.lines().count() > tickets));
        let text = wait_for("the code file", FOLLOWS_WITHIN, saved).await?;
        let mut lines = text.lines();
        anyhow::ensure!(lines.next() == Some("ticket_ref,link"), "the file begins otherwise");
        let begins = format!("{}/r#", self.venue.registrar.origin());
        for line in lines {
            let (reference, link) = line.split_once(',').unwrap_or_default();
            anyhow::ensure!(link.starts_with(&begins), "{reference} has no link");
            self.codes.insert(reference.to_owned(), link.to_owned());
        }
        anyhow::ensure!(self.codes.len() == tickets, "{} codes for {tickets} tickets", self.codes.len());
        std::fs::remove_file(&path)?;
        Ok(())
    }

    async fn registers_cards(&mut self, chapter: &mut Chapter) {
        chapter
            .step("a buyer registers a card with a link of the code file", async {
                let link = self.code("FIRST")?;
                let run = self.venue.register(self.cards()[0], &link).await?;
                anyhow::ensure!(run.success, "{}", run.said);
                let address = self.of_event("");
                self.go(&address).await?;
                self.looks("event").await
            })
            .await;
    }

    /// The day's page changes by itself: no reload, nothing that was unfolded folds, the focus and the place stay.
    async fn admits_first(&mut self) -> anyhow::Result<()> {
        self.to_tab("/day").await?;
        self.looks("day-before").await?;
        self.press("#day-table summary").await?;
        self.ask("window.untouched = true; scrollTo(0, 200); window.place = scrollY").await?;
        let (venue, first) = (&*self.venue, self.cards()[0]);
        let gate = self.gate.as_mut().ok_or_else(|| anyhow::anyhow!("no gate"))?;
        gate.followed(&venue.registrar, &self.event, FOLLOWS_WITHIN).await?;
        let tap = gate.tap(venue, first, Vec::new(), PIN).await?;
        anyhow::ensure!(tap.is_welcome(), "{tap:?}");
        self.visitor.browser.wait("the admission", "document.querySelector('.numbers dd').innerText === '1'").await?;
        let stayed = "return [window.untouched, document.querySelector('#day-table').open, \
            document.activeElement.matches('#day-table summary'), scrollY === window.place].join()";
        let stayed = self.ask(stayed).await?;
        anyhow::ensure!(stayed == "true,true,true,true", "{stayed}: reloaded, folded, without focus or moved");
        anyhow::ensure!(self.text("#day-table").await?.lines().any(|line| line.ends_with('1')), "not in the table");
        self.sees(".plot .bar").await?;
        self.looks("day-first").await
    }
}
