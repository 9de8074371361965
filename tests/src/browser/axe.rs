//! axe-core: the rules of accessibility that a machine can check, held against a page as it stands.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Browser, BrowserError};
use crate::harness::HarnessError;

/// Where the file is below the folder of the build, as `tests/install.sh` leaves it.
const FILE: &str = "axe-core/axe.min.js";

/// What axe-core calls a finding that keeps somebody out.
const KEEPS_OUT: [&str; 2] = ["serious", "critical"];

/// The rules: WCAG 2.2 to level AA, and what practice adds.
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// The script of axe-core.
#[derive(Clone)]
pub struct Axe {
    script: String,
    target: PathBuf,
}

impl core::fmt::Debug for Axe {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Axe({})", self.target.display())
    }
}

/// One thing that is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// `minor`, `moderate`, `serious`, `critical`.
    pub impact: String,
    /// Which rule.
    pub rule: String,
    /// Where, and what about it.
    pub places: Vec<String>,
}

impl Finding {
    /// Whether it keeps somebody out.
    #[must_use]
    pub fn keeps_out(&self) -> bool {
        KEEPS_OUT.contains(&self.impact.as_str())
    }
}

impl core::fmt::Display for Finding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({}): {}", self.rule, self.impact, self.places.join(" | "))
    }
}

impl Axe {
    /// The script in the folder of the build that the running program belongs to.
    ///
    /// # Errors
    /// [`BrowserError::Missing`].
    pub fn of_this_build() -> Result<Self, BrowserError> {
        let missing = || BrowserError::Missing { what: PathBuf::from(FILE), remedy: "bash tests/install.sh" };
        let running = std::env::current_exe().map_err(|_no_such_program| missing())?;
        let target = running.ancestors().find(|folder| folder.join(FILE).is_file()).ok_or_else(missing)?.to_owned();
        let path = target.join(FILE);
        let script = std::fs::read_to_string(&path).map_err(|source| HarnessError::File { path, source })?;
        Ok(Self { script, target })
    }

    /// The folder of the build.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }
}

impl Browser {
    /// Everything that axe-core finds on the page as it stands.
    ///
    /// The driver runs the script beside the page, as an extension would: the page's own policy stays as it is.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn axe(&self) -> Result<Vec<Finding>, BrowserError> {
        self.run_axe(&json!({ "runOnly": TAGS, "resultTypes": ["violations"] })).await
    }

    /// Whether every pair of colours has the contrast that its size needs.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub(super) async fn contrast(&self) -> Result<Vec<Finding>, BrowserError> {
        self.run_axe(&json!({ "runOnly": { "type": "rule", "values": ["color-contrast"] } })).await
    }

    async fn run_axe(&self, options: &Value) -> Result<Vec<Finding>, BrowserError> {
        if self.ask("return typeof window.axe").await? != "object" {
            self.ask(&self.axe.script).await?;
        }
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             axe.run(document, {options}).then((found) => done(found.violations), (error) => done(String(error)));"
        );
        let found = self.client.execute_async(&script, Vec::new()).await?;
        let shape = || HarnessError::Shape { what: "the findings of axe-core", text: found.to_string() };
        Ok(found.as_array().ok_or_else(shape)?.iter().map(finding).collect())
    }
}

fn finding(violation: &Value) -> Finding {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let nodes = violation.get("nodes").and_then(Value::as_array).cloned().unwrap_or_default();
    let place = |node: &Value| {
        let target = node.get("target").map(ToString::to_string).unwrap_or_default();
        format!("{target} {}", text(node, "failureSummary").replace('\n', " "))
    };
    Finding {
        impact: text(violation, "impact"),
        rule: text(violation, "id"),
        places: nodes.iter().map(place).collect(),
    }
}
