#![no_main]

libfuzzer_sys::fuzz_target!(|json: &[u8]| ecp_fuzz::fast(json));
