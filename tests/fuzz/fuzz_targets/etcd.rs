#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kido_fuzz_targets::etcd::run(data));
