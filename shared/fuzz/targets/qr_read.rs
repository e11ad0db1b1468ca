//! Fuzzes `qr_read`.
#![no_main]

// A panic that the library catches is no finding; libFuzzer's own hook would end the program at once.
libfuzzer_sys::fuzz_target!(
    init: drop(std::panic::take_hook()),
    |input: &[u8]| shared_fuzz::bodies::qr_read(input)
);
