//! Every target over its kept corpus, its seeds, and changes of both: what a fuzzer found stays found, on any toolchain.

#[cfg(test)]
mod corpus {
    use std::path::Path;

    use kido_fuzz_targets::{TARGETS, Target};
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    /// Changed inputs of one target: the share of a suite that runs on every change.
    const CHANGES: usize = 2_000;

    /// The kept inputs of a target, by name.
    fn kept(target: &Target) -> Vec<(String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target.name);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut kept: Vec<_> = files
            .map(|file| {
                let path = file.unwrap().path();
                (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
            })
            .collect();
        kept.sort();
        kept
    }

    /// One to four small changes: a byte, a bit, a piece twice, a piece gone, a piece of another.
    fn changed(inputs: &[Vec<u8>], random: &mut StdRng, bytes_max: usize) -> Vec<u8> {
        let mut input = inputs[random.gen_range(0..inputs.len())].clone();
        for _change in 0..random.gen_range(1..=4) {
            let at = random.gen_range(0..=input.len());
            let end = random.gen_range(at..=input.len().min(at + 16));
            match random.gen_range(0..6) {
                0 => input.insert(at, random.r#gen()),
                1 if at < input.len() => input[at] = random.r#gen(),
                2 if at < input.len() => input[at] ^= 1 << random.gen_range(0..8),
                3 => drop(input.drain(at..end)),
                4 => {
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
                _ => {
                    let other = &inputs[random.gen_range(0..inputs.len())];
                    let from = random.gen_range(0..=other.len());
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
            }
        }
        input.truncate(bytes_max);
        input
    }

    fn holds(name: &str) {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let kept = kept(target);
        assert!(!kept.is_empty(), "no corpus");
        let mut inputs = (target.seeds)();
        inputs.extend(kept.into_iter().map(|(_name, bytes)| bytes));
        for input in &inputs {
            assert!(input.len() <= target.bytes_max, "an input of {} bytes", input.len());
            (target.run)(input);
        }
        let mut random = StdRng::seed_from_u64(0x4B49_444F);
        for _change in 0..CHANGES {
            (target.run)(&changed(&inputs, &mut random, target.bytes_max));
        }
    }

    macro_rules! each {
        ($($name:ident),+ $(,)?) => {
            $(#[test]
            fn $name() {
                holds(stringify!($name));
            })+

            #[test]
            fn every_target_has_its_test_and_its_program() {
                let tested = [$(stringify!($name)),+];
                let named: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                assert_eq!(tested.to_vec(), named);
                for name in named {
                    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fuzz_targets/{name}.rs"));
                    assert!(program.is_file(), "{}", program.display());
                }
            }
        };
    }

    each! {
        exchange, certificate, request_signature, bodies, link, table, event_stream, head, record, range, frames, claims,
        etcd, facts, texts, pinpad, pipe,
    }
}
