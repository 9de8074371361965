//! Seeds that have found something, by what they found. They run with every suite, whatever share of the others does.
//!
//! A seed repeats its run for as long as nothing draws in another order; what was mended has a test of its own beside the
//! code that was wrong.

use crate::plan::Night;

/// What was found, and the night and the seed that found it.
pub(crate) const FOUND: [(&str, Night, u64); 6] = [
    (
        "an entry that was let in without a line was free again once an earlier claim of the gate was withdrawn",
        Night::Early,
        324,
    ),
    (
        "a late copy of a claim that was refused held an entry for nobody, once the other claim was withdrawn",
        Night::Early,
        2_341,
    ),
    (
        "an upload was acknowledged, nobody asked for a head since, and a registrar from a backup never missed it",
        Night::Second,
        2_058,
    ),
    (
        "gates that had heard a wrong time could never bring back what a registrar had lost, which signs no head meanwhile",
        Night::Third,
        181,
    ),
    ("nor could one that had started with a wrong clock, once that was set right", Night::Third, 274),
    (
        "a gate that came while the registrar was an hour behind asked staff for ten minutes once that was set right",
        Night::Third,
        992,
    ),
];
