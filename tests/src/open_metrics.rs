//! Reads a scrape as strictly as OpenMetrics 1.0 is written, and holds its names against Prometheus' conventions.
//!
//! Written here: the one parser of the format on crates.io is under a licence that this workspace does not take, and is
//! more forgiving than a test should be.

use std::collections::{BTreeMap, BTreeSet};

/// Units that a name may end in: base units only (Prometheus, *Metric and label naming*).
const NOT_BASE_UNITS: [&str; 8] =
    ["_milliseconds", "_ms", "_us", "_microseconds", "_minutes", "_hours", "_kilobytes", "_percent"];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bounds.
    Histogram,
}

/// Labels of one series, by name.
pub type Labels = BTreeMap<String, String>;

/// One metric with all its series.
#[derive(Debug, Clone)]
pub struct Family {
    /// What it is.
    pub kind: Kind,
    /// Every sample by its whole name and its labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

/// A scrape that was read.
#[derive(Debug, Clone, Default)]
pub struct Scraped(pub BTreeMap<String, Family>);

/// Why a text is no scrape, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Scraped {
    /// Reads a scrape.
    ///
    /// # Errors
    /// [`Fault`]: the first one.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let mut reader = Reader { scraped: Self::default(), helped: BTreeSet::new(), current: None };
        let lines: Vec<&str> = text.split('\n').collect();
        let last = lines.len().saturating_sub(2);
        for (place, line) in lines.iter().enumerate() {
            let fault = |what| Fault { line: place + 1, what };
            match (place.cmp(&last), *line) {
                (core::cmp::Ordering::Less, "# EOF") => return Err(fault("an end before the end")),
                (core::cmp::Ordering::Less, line) => reader.take(line).map_err(fault)?,
                (core::cmp::Ordering::Equal, "# EOF") | (core::cmp::Ordering::Greater, "") => {}
                (core::cmp::Ordering::Equal | core::cmp::Ordering::Greater, _) => return Err(fault("no end")),
            }
        }
        for family in reader.scraped.0.values() {
            family.is_whole().map_err(|what| Fault { line: lines.len(), what })?;
        }
        Ok(reader.scraped)
    }

    /// The value of one series; nothing where there is none.
    #[must_use]
    pub fn value(&self, sample: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let key = (sample.to_owned(), labels);
        self.0.values().find_map(|family| family.samples.get(&key).copied())
    }

    /// All series of a name, summed up.
    #[must_use]
    pub fn sum(&self, sample: &str) -> f64 {
        let samples = self.0.values().flat_map(|family| &family.samples);
        samples.filter(|((name, _labels), _value)| name == sample).map(|(_key, value)| value).sum()
    }

    /// Every name that can stand in a rule.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (name, family) in &self.0 {
            names.extend(family.kind.suffixes().iter().map(|suffix| format!("{name}{suffix}")));
        }
        names
    }

    /// Every label's name with every value that it has.
    #[must_use]
    pub fn label_values(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_name, labels) in self.0.values().flat_map(|family| family.samples.keys()) {
            for (label, value) in labels {
                all.entry(label.clone()).or_default().insert(value.clone());
            }
        }
        all
    }
}

impl Kind {
    const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total"],
            Self::Gauge => &[""],
            Self::Histogram => &["_bucket", "_sum", "_count"],
        }
    }
}

struct Reader {
    scraped: Scraped,
    helped: BTreeSet<String>,
    current: Option<String>,
}

impl Reader {
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("help without a text")?;
            if help.trim().is_empty() || !self.helped.insert(name.to_owned()) {
                return Err("no help, or help twice");
            }
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("a type without a name")?;
            return self.begin(name, kind);
        }
        if line.is_empty() || line.starts_with('#') {
            return Err("neither metadata nor a sample");
        }
        self.sample(line)
    }

    fn begin(&mut self, name: &str, kind: &str) -> Result<(), &'static str> {
        let kind = match kind {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            _other => return Err("a type that nothing here has"),
        };
        if !is_name(name) || !self.helped.contains(name) {
            return Err("no name, or no help before the type");
        }
        if name.ends_with("_total") || NOT_BASE_UNITS.iter().any(|unit| name.ends_with(unit)) {
            return Err("a name that is not by the conventions");
        }
        if kind == Kind::Histogram && !name.ends_with("_seconds") {
            return Err("a histogram without its unit");
        }
        let family = Family { kind, samples: BTreeMap::new() };
        if self.scraped.0.insert(name.to_owned(), family).is_some() {
            return Err("a metric twice");
        }
        self.current = Some(name.to_owned());
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), &'static str> {
        let (series, value) = line.rsplit_once(' ').ok_or("a sample without a value")?;
        let value: f64 = value.parse().map_err(|_no_number| "a value that is no number")?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, read_labels(labels)?),
            None => (series, Labels::new()),
        };
        let current = self.current.as_ref().ok_or("a sample before any type")?;
        let family = self.scraped.0.get_mut(current).ok_or("a sample before any type")?;
        let suffix = name.strip_prefix(current.as_str()).ok_or("a sample among those of another metric")?;
        if !family.kind.suffixes().contains(&suffix) {
            return Err("a sample that its type does not have");
        }
        if family.kind != Kind::Gauge && (value.is_nan() || value < 0.0) {
            return Err("a count below nothing");
        }
        let twice = family.samples.insert((name.to_owned(), labels), value);
        if twice.is_some() { Err("a series twice") } else { Ok(()) }
    }
}

impl Family {
    /// Whether the buckets of a histogram grow up to its count.
    fn is_whole(&self) -> Result<(), &'static str> {
        if self.kind != Kind::Histogram {
            return Ok(());
        }
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for ((name, labels), value) in &self.samples {
            let mut series = labels.clone();
            if name.ends_with("_bucket") {
                let bound = series.remove("le").ok_or("a bucket without a bound")?;
                let bound = bound.replace("+Inf", "inf").parse().map_err(|_no_number| "a bound that is no number")?;
                buckets.entry(series).or_default().push((bound, *value));
            } else if name.ends_with("_count") {
                counts.insert(series, *value);
            }
        }
        for (series, mut bounds) in buckets {
            bounds.sort_by(|one, other| one.0.total_cmp(&other.0));
            let grows = bounds.is_sorted_by(|one, other| one.1 <= other.1);
            let whole =
                bounds.last().is_some_and(|(bound, all)| bound.is_infinite() && counts.get(&series) == Some(all));
            if !grows || !whole {
                return Err("buckets that do not add up");
            }
        }
        Ok(())
    }
}

/// `name="value",…}` behind its brace.
fn read_labels(text: &str) -> Result<Labels, &'static str> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        let (name, behind) = rest.split_once("=\"").ok_or("a label without a value")?;
        if !is_name(name) || name.starts_with("__") {
            return Err("no name of a label");
        }
        let (value, behind) = read_value(behind)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err("a label twice");
        }
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None if behind == "}" => return Ok(labels),
            None => return Err("labels without an end"),
        }
    }
}

/// A value up to its closing quote, and what is behind that.
fn read_value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Ok((value, text.get(place + 1..).unwrap_or_default())),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('"' | '\\'))) => escaped,
                Some(_) | None => return Err("an escape that there is not"),
            }),
            _plain => value.push(char),
        }
    }
    Err("a value without an end")
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP a_seconds A.\n# TYPE a_seconds histogram\na_seconds_sum 1.5\na_seconds_count 2\n\
                        a_seconds_bucket{le=\"1.0\"} 1\na_seconds_bucket{le=\"+Inf\"} 2\n# HELP b B.\n# TYPE b counter\n\
                        b_total{x=\"q\\\"\\\\\\n,}\"} 3\n# EOF\n";

    #[test]
    fn a_well_formed_scrape_is_read_with_its_labels() {
        let read = Scraped::read(GOOD).unwrap();
        assert_eq!(read.value("b_total", &[("x", "q\"\\\n,}")]), Some(3.0));
        assert_eq!(read.value("a_seconds_count", &[]), Some(2.0));
        assert!(read.names().contains("a_seconds_bucket"));
    }

    #[test]
    fn what_is_not_by_the_format_is_found() {
        for (right, wrong) in [
            ("# EOF\n", ""),
            ("# EOF\n", "# EOF\nb_total 1\n"),
            ("# EOF\n", "# EOF"),
            ("b_total{", "b{"),
            ("b_total{x=\"q", "b_total{x=\"q\" "),
            ("# TYPE b counter", "# TYPE b_total counter"),
            ("# TYPE b counter", "# TYPE a_seconds histogram"),
            ("a_seconds_count 2", "a_seconds_count 3"),
            ("le=\"1.0\"} 1", "le=\"1.0\"} 3"),
            ("} 3", "} -3"),
            ("} 3", "} many"),
            ("} 3", "} 3\nb_total{x=\"q\\\"\\\\\\n,}\"} 3"),
            ("# HELP b B.\n", ""),
            ("a_seconds", "a_milliseconds"),
        ] {
            assert!(GOOD.contains(right) && Scraped::read(&GOOD.replace(right, wrong)).is_err(), "{wrong:?}");
        }
    }
}
