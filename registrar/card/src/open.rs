//! `open`: the dialogue at the helper's own page.

use core::time::Duration;
use std::sync::Arc;

use kido_shared::clock::Clock;
use kido_shared::codes::Code;
use zeroize::Zeroizing;

use crate::browser;
use crate::cli::{HandedOver, OpenOptions};
use crate::dialogue::{self, Around};
use crate::host::{self, KnownHosts};
use crate::link::{Link, LinkKind};
use crate::news::Listener;
use crate::page::{Page, Scene, Stage, Started, Visitor, Which};
use crate::problem::Problem;
use crate::problem::remedy::Remedy;
use crate::reader::CardDesk;
use crate::session::{Asked, Finished};
use crate::terminal::{Input as _, StandardInput};
use crate::words::{Line, Voice};

/// How long the helper waits for its page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For a browser to open it at all: a slow computer, and somebody who copies the address by hand.
    pub(crate) unopened: Duration,
    /// For the page to ask again: it asks every twenty seconds, so a window that is quiet for longer was closed.
    pub(crate) quiet: Duration,
    /// For an answer to a question: long enough to fetch a card from another room or a forgotten PIN from a drawer.
    pub(crate) unanswered: Duration,
}

/// What people get.
pub(crate) const LIMITS: Limits =
    Limits { unopened: Duration::from_secs(300), quiet: Duration::from_secs(90), unanswered: Duration::from_secs(900) };

/// What was asked for on the command line.
#[derive(Debug)]
pub(crate) struct Plan {
    link: Option<Result<Link, Problem>>,
    known: Result<KnownHosts, Problem>,
    browser: bool,
}

impl Plan {
    /// Reads what there is to read before the page. What is wrong with it is told on the page: behind a browser's link
    /// there is no terminal.
    ///
    /// # Errors
    /// [`Problem::NoInput`].
    pub(crate) fn new(options: OpenOptions) -> Result<Self, Problem> {
        let known = KnownHosts::read(options.registrars.or_else(host::usual_file)).map_err(Problem::HostList);
        let link = if options.link_stdin {
            Some(Link::parse(&piped_link()?).map_err(Problem::Link))
        } else {
            options
                .handed_over
                .as_ref()
                .map(HandedOver::as_str)
                .map(|text| Link::handed_over(text).map_err(Problem::Link))
        };
        Ok(Self { link, known, browser: !options.no_browser })
    }

    #[cfg(test)]
    pub(crate) const fn of(link: Option<Result<Link, Problem>>, known: KnownHosts) -> Self {
        Self { link, known: Ok(known), browser: false }
    }
}

fn piped_link() -> Result<Zeroizing<String>, Problem> {
    let line = StandardInput::open().and_then(|mut input| input.line());
    Ok(line.map_err(|_error| Problem::NoInput)?.unwrap_or_default())
}

/// Serves the page and opens the browser, or says where the page is.
///
/// # Errors
/// [`Problem::Page`].
pub(crate) async fn prepare(voice: &Voice, plan: &Plan) -> Result<(Started, Arc<Stage>), Problem> {
    let stage = Stage::new();
    let random = &mut rand::rngs::OsRng;
    let page = Page::bind(Arc::clone(&stage), voice.dictionary(), random).await.map_err(Problem::Page)?;
    let opened = plan.browser && browser::open(page.address()).is_ok();
    voice.say(&Line::plain(if opened { "page-address" } else { "page-address-plain" }));
    voice.show(page.address());
    Ok((page.serve(), stage))
}

/// Leads the dialogue at the page until the person has closed it.
///
/// # Errors
/// [`Problem`].
pub(crate) async fn hold(
    plan: Plan,
    stage: &Arc<Stage>,
    desk: &CardDesk,
    limits: Limits,
    clock: &dyn Clock,
) -> Result<Finished, Problem> {
    let mut visitor = Visitor::new(Arc::clone(stage), limits.unanswered);
    let finished = while_wanted(lead(plan, stage, &mut visitor, desk, clock), stage, limits).await?;
    // What was brought about stands, whether or not anybody presses the last button; while nobody has, it stays on the
    // screen, since it shows the holder's link.
    let opened = Limits { unopened: limits.quiet, ..limits };
    if while_wanted(visitor.has_seen(), stage, opened).await.is_ok() {
        stage.end(Scene::Closed);
    }
    Ok(finished)
}

/// Runs to the end, or until the person stops it, or nobody looks at the page any more.
async fn while_wanted<T>(
    work: impl Future<Output = Result<T, Problem>>,
    stage: &Stage,
    limits: Limits,
) -> Result<T, Problem> {
    tokio::select! {
        done = Box::pin(work) => done,
        why = stage.stopped() => Err(why),
        () = forsaken(stage, limits) => Err(Problem::Unattended),
    }
}

/// Comes to an end once nobody looks at the page.
async fn forsaken(stage: &Stage, limits: Limits) {
    let mut patience = limits.unopened;
    while tokio::time::timeout(patience, stage.asked()).await.is_ok() {
        patience = limits.quiet;
    }
}

async fn lead(
    plan: Plan,
    stage: &Arc<Stage>,
    visitor: &mut Visitor,
    desk: &CardDesk,
    clock: &dyn Clock,
) -> Result<Finished, Problem> {
    let mut known = plan.known?;
    let mut link = plan.link;
    let mut asked = None;
    loop {
        let round = Round { stage, desk, clock, known: &mut known, visitor, asked: &mut asked };
        let problem = match round.hold(link.take()).await {
            Ok(finished) => return Ok(finished),
            Err(problem) => problem,
        };
        let forget = problem.remedy() == Remedy::Link;
        // What can be chosen here is to begin anew; anything else has ended in an error.
        let _same = visitor.after(problem).await?;
        stage.begin_anew();
        if forget {
            asked = None;
        }
    }
}

/// What a dialogue is held about: kept from round to round, so that a link is given once.
struct Target {
    link: Link,
    which: Option<Which>,
}

struct Round<'r> {
    stage: &'r Arc<Stage>,
    desk: &'r CardDesk,
    clock: &'r dyn Clock,
    known: &'r mut KnownHosts,
    visitor: &'r mut Visitor,
    asked: &'r mut Option<Target>,
}

impl Round<'_> {
    async fn hold(self, given: Option<Result<Link, Problem>>) -> Result<Finished, Problem> {
        if let Some(link) = given {
            *self.asked = Some(Target { link: link?, which: None });
        }
        let target = match self.asked.take() {
            Some(target) => target,
            None => Target { link: dialogue::ask_link(self.visitor, "page-link").await?, which: None },
        };
        let target = self.asked.insert(target);
        let code: Code = target.link.code.clone();
        let asked = match (target.link.kind, target.which) {
            (LinkKind::Registration, _) => Asked::Bind(code),
            (LinkKind::Holder, Some(which)) => which.of(code),
            (LinkKind::Holder, None) => target.which.insert(self.visitor.which().await?).of(code),
        };
        let origin = target.link.origin.clone();
        let listener: Arc<dyn Listener> = Arc::<Stage>::clone(self.stage);
        let mut around = Around { listener: &listener, person: self.visitor, desk: self.desk, known: self.known };
        Box::pin(dialogue::hold(&mut around, origin, asked, None, self.clock)).await
    }
}

impl Which {
    const fn of(self, code: Code) -> Asked {
        match self {
            Self::Show => Asked::ShowTicket(code),
            Self::Resume => Asked::ResumeTicket(code),
        }
    }
}

/// Shows why it ended where it went wrong, and closes the page for good.
pub(crate) async fn end(page: Started, stage: &Stage, ended: Result<(), &Problem>) {
    if let Err(problem) = ended {
        stage.end(Scene::trouble(problem, Remedy::Nothing));
    }
    page.end().await;
}
