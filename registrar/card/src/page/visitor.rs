//! The person at the page: answers come from a browser, a question stands until it is answered, stopped or forgotten.

use core::time::Duration;
use std::sync::Arc;

use kido_shared::challenge::Origin;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::scene::Scene;
use super::stage::Stage;
use crate::person::{Again, BeforePin, Person};
use crate::problem::Problem;
use crate::problem::remedy::Remedy;

/// What the person with a holder's link wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Try the card.
    Show,
    /// Take back that it was lost.
    Resume,
}

/// Somebody at the page.
#[derive(Debug)]
pub(crate) struct Visitor {
    stage: Arc<Stage>,
    /// How long a question stands without an answer.
    patience: Duration,
}

impl Visitor {
    pub(crate) const fn new(stage: Arc<Stage>, patience: Duration) -> Self {
        Self { stage, patience }
    }

    async fn ask(&self, scene: Scene) -> Result<Zeroizing<String>, Problem> {
        self.answered(self.stage.ask(scene)).await
    }

    async fn answered(&self, answer: oneshot::Receiver<Zeroizing<String>>) -> Result<Zeroizing<String>, Problem> {
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answered) => answered.map_err(|_overtaken| Problem::Cancelled),
            Err(_elapsed) => Err(Problem::Unattended),
        }
    }

    /// What a holder's link is for this time.
    ///
    /// # Errors
    /// [`Problem`].
    pub(crate) async fn which(&self) -> Result<Which, Problem> {
        let answer = self.ask(Scene::Which).await?;
        Ok(if answer.as_str() == "resume" { Which::Resume } else { Which::Show })
    }

    /// Waits until the person has kept what the last scene shows.
    ///
    /// # Errors
    /// [`Problem`].
    pub(crate) async fn has_seen(&self) -> Result<(), Problem> {
        self.answered(self.stage.ask_here()).await.map(drop)
    }

    /// Shows a problem, and waits for the person to go on where there is a way on.
    ///
    /// # Errors
    /// The problem, where there is none.
    pub(crate) async fn after(&self, problem: Problem) -> Result<Again, Problem> {
        let remedy = problem.remedy();
        if remedy == Remedy::Nothing {
            return Err(problem);
        }
        let choice = matches!(remedy, Remedy::Reader(_));
        let answer = self.ask(Scene::trouble(&problem, remedy)).await?;
        Ok(if choice { Again::InReader(answer.as_str().to_owned()) } else { Again::Same })
    }
}

impl Person for Visitor {
    async fn link(&mut self, _question: &'static str) -> Result<Zeroizing<String>, Problem> {
        self.ask(Scene::Link).await
    }

    async fn host_name(&mut self, origin: &Origin) -> Result<Zeroizing<String>, Problem> {
        self.ask(Scene::Host(origin.clone())).await
    }

    /// Event, seat and address stand on the page from here on, above the button that sends the PIN: sending it agrees,
    /// and not sending it changes nothing. A question of its own would be a third click for the same answer.
    async fn agrees(&mut self) -> Result<bool, Problem> {
        Ok(true)
    }

    async fn pin(&mut self, before: &BeforePin) -> Result<Zeroizing<String>, Problem> {
        self.ask(Scene::Pin(before.clone())).await
    }

    async fn again(&mut self, problem: Problem) -> Result<Again, Problem> {
        self.after(problem).await
    }
}
