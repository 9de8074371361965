//! Bars over the minutes of an evening, as an SVG element: axes with their units, nothing that a script must draw.
//!
//! Across, everything is in parts of the width that the page has; upwards, in pixels. So letters keep their size on a
//! phone, and no plot must be moved sideways to be read. Numbers stand on their lines, inside.

use core::fmt::Write as _;

/// Height of the drawing area.
const HEIGHT: u32 = 140;
/// Room for the topmost number, and for the times below.
const ABOVE: u32 = 24;
const BELOW: u32 = 46;

/// Lines across, the bottom's among them.
const LINES: u32 = 2;

/// Parts of the width next to either edge in which a time's text would be cut off if it stood in the middle.
const EDGE: u64 = 8;

/// A tick on the time axis: which bar, and what is written there.
pub(super) type Tick = (usize, String);

/// What a plot says about itself.
#[derive(Debug)]
pub(super) struct Axes<'a> {
    /// For whoever does not see it.
    pub(super) title: &'a str,
    /// Behind the topmost number.
    pub(super) vertical: &'a str,
    /// Below the horizontal axis.
    pub(super) horizontal: &'a str,
}

/// The smallest of 1, 2, 4, 6 times a power of ten that is not below: halves of these are whole people.
fn ceiling(most: u32) -> u32 {
    let mut power = 1_u32;
    loop {
        for step in [1, 2, 4, 6] {
            let top = power.saturating_mul(step);
            if top >= most {
                return top.max(LINES);
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The highest of several series, so that plots beside each other have one scale.
pub(super) fn top(series: &[&[u32]]) -> u32 {
    ceiling(series.iter().flat_map(|series| series.iter()).copied().max().unwrap_or(0))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Draws bars up to `top`. Lengths are whole thousandths, so the same numbers give the same picture.
pub(super) fn bars(values: &[u32], ticks: &[Tick], top: u32, axes: &Axes<'_>) -> String {
    let mut svg = String::with_capacity(values.len() * 64 + 1_024);
    let count = u64::try_from(values.len()).unwrap_or(u64::MAX).max(1);
    let (title, high) = (escaped(axes.title), ABOVE + HEIGHT + BELOW);
    put(&mut svg, format_args!("<svg class=\"plot\" width=\"100%\" height=\"{high}\" role=\"img\" "));
    put(&mut svg, format_args!("aria-label=\"{title}\">"));
    columns(&mut svg, values, top, count);
    grid(&mut svg, top, &escaped(axes.vertical));
    times(&mut svg, ticks, count);
    let below = high - 4;
    put(&mut svg, format_args!("<text class=\"end\" x=\"100%\" y=\"{below}\">{}</text>", escaped(axes.horizontal)));
    svg.push_str("</svg>");
    svg
}

const BASE: u32 = ABOVE + HEIGHT;

fn put(svg: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    svg.write_fmt(text).unwrap_or_default();
}

fn grid(svg: &mut String, top: u32, unit: &str) {
    for line in 0..=LINES {
        let (y, value) = (BASE - HEIGHT * line / LINES, u64::from(top) * u64::from(line) / u64::from(LINES));
        let (class, unit) = (if line == 0 { "axis" } else { "grid" }, if line == LINES { unit } else { "" });
        put(svg, format_args!("<line class=\"{class}\" x1=\"0\" y1=\"{y}\" x2=\"100%\" y2=\"{y}\"/>"));
        if line > 0 {
            put(svg, format_args!("<text x=\"0\" y=\"{}\">{value} {unit}</text>", y - 6));
        }
    }
}

/// A bar for each minute with somebody: a little narrower than its minute.
fn columns(svg: &mut String, values: &[u32], top: u32, count: u64) {
    let wide = thousandths(85_000 / count);
    for (place, value) in (0_u64..).zip(values).filter(|(_place, value)| **value > 0) {
        let tall =
            (u64::from(*value) * u64::from(HEIGHT) * 1_000 / u64::from(top.max(1))).min(u64::from(HEIGHT) * 1_000);
        let (x, y) = (thousandths(place * 100_000 / count), thousandths(u64::from(BASE) * 1_000 - tall));
        let tall = thousandths(tall);
        put(svg, format_args!("<rect class=\"bar\" x=\"{x}%\" y=\"{y}\" width=\"{wide}%\" height=\"{tall}\"/>"));
    }
}

fn times(svg: &mut String, ticks: &[Tick], count: u64) {
    for (place, label) in ticks {
        let at = u64::try_from(*place).unwrap_or(0) * 100_000 / count;
        let class = match at / 1_000 {
            0..EDGE => "start",
            part if part > 100 - EDGE => "end",
            _ => "time",
        };
        let (x, foot, below) = (thousandths(at), BASE + 5, BASE + 20);
        put(svg, format_args!("<line class=\"axis\" x1=\"{x}%\" y1=\"{BASE}\" x2=\"{x}%\" y2=\"{foot}\"/>"));
        put(svg, format_args!("<text class=\"{class}\" x=\"{x}%\" y=\"{below}\">{}</text>", escaped(label)));
    }
}

fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_a_round_number_that_holds_every_bar_and_halves_into_people() {
        for (most, top) in [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (7, 10), (11, 20), (5_000, 6_000), (6_001, 10_000)]
        {
            assert_eq!(ceiling(most), top, "{most}");
            assert_eq!(top % LINES, 0, "{top}");
        }
    }

    #[test]
    fn a_plot_has_axes_units_and_a_bar_for_each_minute_with_somebody() {
        let axes = Axes { title: "North <A>", vertical: "people", horizontal: "time" };
        let drawn = bars(&[0, 3, 0, 6], &[(0, "17:00".to_owned()), (2, "17:30".to_owned())], 6, &axes);
        assert_eq!(drawn.matches("<rect").count(), 2);
        for part in ["6 people", ">3 <", "time", "17:00", "North &lt;A&gt;", "height=\"140.000\"", "height=\"70.000\""]
        {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        assert!(drawn.contains("class=\"start\" x=\"0.000%\"") && drawn.contains("class=\"time\" x=\"50.000%\""));
        assert!(!drawn.contains("style="), "the page's policy forbids it");
    }
}
