//! Fuzzes `base45`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shared_fuzz::bodies::base45(input));
