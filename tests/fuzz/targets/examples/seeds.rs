//! Writes every target's seeds into a folder, one file each: `cargo run --example seeds -- FOLDER`.

use std::io;
use std::path::Path;

use kido_fuzz_targets::TARGETS;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| io::Error::other("which folder?"))?;
    for target in TARGETS {
        let folder = Path::new(&folder).join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
