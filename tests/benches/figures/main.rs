//! Kido's figures: how fast, how big, and measured against what.
//!
//! # How to run
//!
//! ```text
//! cargo bench -p kido-tests                                    all rows
//! cargo bench -p kido-tests --bench figures -- --only tap      one of: tap, welcome, look-up, registrations,
//!                                                              fresh-gate, live, claims, etcd, import, upload
//! cargo bench -p kido-tests --bench figures -- --quick         a tenth of everything: does it run at all
//! ```
//!
//! The rows `welcome`, `registrations`, `fresh-gate`, `live`, `import` and `upload` start the real programs of the same
//! build; they are built first where they are not up to date. The row `etcd` starts three members of Debian's etcd. Data
//! lies under `target/tmp`: the disk under it is the one that is measured. The network is this machine's loopback.
//!
//! # How to read it
//!
//! Absolute times belong to one machine on one day. So each row names a *yardstick*, a bare piece of the same work
//! measured in the same run, and the ratio to it; that ratio is what may be compared between machines. A row whose
//! reach rests on a yardstick (the tap: two bare fdatasyncs) takes it from the same minute on the same disk. The last
//! line of the output is one JSON object with everything, written to `target/kido-bench.json` too.
//!
//! *met* says whether the figure is within its reach. The program never fails for time: it fails only where something
//! does not work.
//!
//! At most 64 real RSA keys are made: 60 cards and the issuer's own. All other bindings have random moduli, which a
//! replica cannot tell from real ones.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

mod cards;
mod claims;
mod etcd;
mod event;
mod fresh_gate;
mod http;
mod import;
mod live;
mod look_up;
mod machine;
mod registrations;
mod report;
mod tap;
mod upload;
mod venue;
mod welcome;

use clap::{Parser, ValueEnum};
use report::{Report, Row};

/// Kido's figures.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these rows, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Name>,
    /// A tenth of everything.
    #[arg(long)]
    quick: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A row, or rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Tap,
    Welcome,
    LookUp,
    Registrations,
    FreshGate,
    Live,
    Claims,
    Etcd,
    Import,
    Upload,
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Scale {
    quick: bool,
}

impl Scale {
    /// The number, or a tenth of it.
    const fn of(self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let scale = Scale { quick: arguments.quick };
    let mut report = Report::begin(arguments.quick);
    for name in Name::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(name) {
            continue;
        }
        eprintln!("measuring {name:?} …");
        for row in measure(*name, scale)? {
            eprintln!("{row}");
            report.add(row);
        }
    }
    println!("{report}");
    let json = report.json()?;
    std::fs::write(machine::target_folder().join("kido-bench.json"), &json)?;
    println!("{json}");
    Ok(())
}

fn measure(name: Name, scale: Scale) -> anyhow::Result<Vec<Row>> {
    match name {
        Name::Tap => tap::measure(scale),
        Name::Welcome => welcome::measure(scale),
        Name::LookUp => look_up::measure(scale),
        Name::Registrations => registrations::measure(scale),
        Name::FreshGate => fresh_gate::measure(scale),
        Name::Live => live::measure(scale),
        Name::Claims => claims::measure(scale),
        Name::Etcd => etcd::measure(scale),
        Name::Import => import::measure(scale),
        Name::Upload => upload::measure(scale),
    }
}
