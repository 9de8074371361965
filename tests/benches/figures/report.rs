//! Rows, the table and the JSON object.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// Whether a figure should be small or large.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    AtMost(f64),
    AtLeast(f64),
}

impl Reach {
    fn met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }
}

/// Something bare that was measured in the same run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Yardstick {
    pub(crate) what: &'static str,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) what: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) reach: Reach,
    pub(crate) yardstick: Yardstick,
    /// The work measured, to the yardstick.
    pub(crate) ratio: f64,
    /// Whatever else was seen.
    pub(crate) details: Map<String, Value>,
}

impl Row {
    pub(crate) fn met(&self) -> bool {
        self.reach.met(self.figure)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, reach) = match self.reach {
            Reach::AtMost(most) => ('≤', most),
            Reach::AtLeast(least) => ('≥', least),
        };
        let met = if self.met() { "met" } else { "NOT met" };
        let (figure, unit) = (shown(self.figure), self.unit);
        writeln!(
            f,
            "{:<20} {figure:>9} {unit:<5} {sign} {:>8} {unit:<5} {met:<8} {}",
            self.name,
            shown(reach),
            self.what
        )?;
        let Yardstick { what, figure, unit } = &self.yardstick;
        write!(f, "{:<20} {:>9} ×     {} {unit}: {what}", "", shown(self.ratio), shown(*figure))?;
        for (name, value) in &self.details {
            write!(f, "\n{:<20} {:>9}       {name}: {value}", "", "")?;
        }
        Ok(())
    }
}

fn shown(figure: f64) -> String {
    if figure.abs() >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

/// Rounds for people; the JSON need not carry nanoseconds.
pub(crate) fn rounded(figure: f64) -> Value {
    let digits = if figure.abs() >= 100.0 { 1.0 } else { 1_000.0 };
    serde_json::Number::from_f64((figure * digits).round() / digits).map_or(Value::Null, Value::Number)
}

/// All rows of one run.
#[derive(Debug)]
pub(crate) struct Report {
    quick: bool,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) const fn begin(quick: bool) -> Self {
        Self { quick, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let mut rows = Vec::new();
        for row in &self.rows {
            let mut value = serde_json::to_value(row)?;
            if let Value::Object(fields) = &mut value {
                fields.insert("met".to_owned(), Value::Bool(row.met()));
            }
            rows.push(value);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        serde_json::to_string(&serde_json::json!({ "quick": self.quick, "cores": cores, "rows": rows }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<20} {:>15}   {:>14}            what; below: ratio to a yardstick of the same run",
            "row", "figure", "reach"
        )?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        if self.quick {
            writeln!(f, "quick run: a tenth of everything, no figure to be quoted")?;
        }
        Ok(())
    }
}
