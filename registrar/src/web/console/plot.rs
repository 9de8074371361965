//! Bars over the minutes of an evening, as an SVG element: axes with their units, nothing that a script must draw.

use core::fmt::Write as _;

/// Size of the drawing area in its own units; the page scales it.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 160;
/// Room for the numbers at the left and the times below.
const LEFT: u32 = 44;
const BELOW: u32 = 40;
const ABOVE: u32 = 30;

/// A tick on the time axis: which bar, and what is written there.
pub(super) type Tick = (usize, String);

/// What a plot says about itself.
#[derive(Debug)]
pub(super) struct Axes<'a> {
    /// For whoever does not see it.
    pub(super) title: &'a str,
    /// Above the vertical axis.
    pub(super) vertical: &'a str,
    /// Below the horizontal one.
    pub(super) horizontal: &'a str,
}

/// The smallest of 1, 2, 5 times a power of ten that is not below.
fn ceiling(most: u32) -> u32 {
    let mut power = 1_u32;
    loop {
        for step in [1, 2, 5] {
            let top = power.saturating_mul(step);
            if top >= most {
                return top.max(2);
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

/// Draws bars up to `top`. Lengths are whole thousandths of a unit, so the same numbers give the same picture.
pub(super) fn bars(values: &[u32], ticks: &[Tick], top: u32, axes: &Axes<'_>) -> String {
    let mut svg = String::with_capacity(values.len() * 64 + 1_024);
    let (full_width, full_height) = (LEFT + WIDTH + 8, ABOVE + HEIGHT + BELOW);
    let (base, count) = (ABOVE + HEIGHT, u32::try_from(values.len()).unwrap_or(u32::MAX).max(1));
    // Writing to a string does not fail.
    let mut put = |text: core::fmt::Arguments<'_>| svg.write_fmt(text).unwrap_or_default();
    put(format_args!(
        "<svg class=\"plot\" viewBox=\"0 0 {full_width} {full_height}\" role=\"img\" aria-label=\"{}\">",
        escaped(axes.title)
    ));
    for part in [0, 1, 2] {
        let (y, value) = (base - HEIGHT * part / 2, top * part / 2);
        put(format_args!("<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>", LEFT + WIDTH));
        put(format_args!("<text class=\"number\" x=\"{}\" y=\"{}\">{value}</text>", LEFT - 6, y + 4));
    }
    let at = |place: u32| thousandths(u64::from(place) * u64::from(WIDTH) * 1_000 / u64::from(count));
    let wide = thousandths(u64::from(WIDTH) * 850 / u64::from(count));
    for (place, value) in (0_u32..).zip(values).filter(|(_place, value)| **value > 0) {
        let tall = u64::from(*value) * u64::from(HEIGHT) * 1_000 / u64::from(top.max(1));
        let y = thousandths(u64::from(base) * 1_000 - tall.min(u64::from(HEIGHT) * 1_000));
        let (x, tall) = (at(place), thousandths(tall));
        put(format_args!(
            "<rect class=\"bar\" transform=\"translate({LEFT} 0)\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\"/>"
        ));
    }
    for (place, label) in ticks {
        let x = at(u32::try_from(*place).unwrap_or(0));
        put(format_args!(
            "<g transform=\"translate({LEFT} 0)\"><line class=\"axis\" x1=\"{x}\" y1=\"{base}\" x2=\"{x}\" y2=\"{}\"/>",
            base + 4
        ));
        put(format_args!("<text class=\"time\" x=\"{x}\" y=\"{}\">{}</text></g>", base + 19, escaped(label)));
    }
    put(format_args!("<line class=\"axis\" x1=\"{LEFT}\" y1=\"{base}\" x2=\"{}\" y2=\"{base}\"/>", LEFT + WIDTH));
    put(format_args!("<text class=\"unit\" x=\"0\" y=\"14\">{}</text>", escaped(axes.vertical)));
    put(format_args!(
        "<text class=\"unit end\" x=\"{}\" y=\"{}\">{}</text></svg>",
        LEFT + WIDTH,
        full_height - 3,
        escaped(axes.horizontal)
    ));
    svg
}

fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_a_round_number_that_holds_every_bar() {
        for (most, top) in [(0, 2), (1, 2), (2, 2), (3, 5), (7, 10), (11, 20), (5_000, 5_000), (5_001, 10_000)] {
            assert_eq!(ceiling(most), top, "{most}");
        }
    }

    #[test]
    fn a_plot_has_axes_units_and_a_bar_for_each_minute_with_somebody() {
        let axes = Axes { title: "North <A>", vertical: "people", horizontal: "time" };
        let drawn = bars(&[0, 3, 0, 5], &[(0, "17:00".to_owned())], 5, &axes);
        assert_eq!(drawn.matches("<rect").count(), 2);
        for part in ["people", "time", "17:00", "North &lt;A&gt;", ">5<", "height=\"160.000\""] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        assert!(!drawn.contains("style="), "the page's policy forbids it");
    }
}
