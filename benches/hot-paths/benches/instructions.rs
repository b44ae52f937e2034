//! How many instructions the hot paths take, each under a limit: `cargo bench -p nerve-hot-paths --bench instructions`.
//!
//! Unlike time, a count is the same on a busy machine, so that CI can hold it. A limit is some 10 % over what was counted when it was
//! set; whoever goes over it either finds what costs more than it should, or raises the limit and says why in the commit.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::exit,
    clippy::disallowed_methods,
    reason = "what the macros of gungraun write"
)]

use std::hint::black_box;

use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use nerve_adapters::host::extract::Extraction;
use nerve_core::config::Parsed;
use nerve_core::thread::{Entry, Machine};
use nerve_hot_paths as paths;

fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions)]).clone());
    config
}

/// A role's schema is compiled with its first answer and kept.
fn read_before(answer: paths::Answer) -> paths::Answer {
    paths::extract(&answer);
    answer
}

#[library_benchmark(config = at_most(145_000))]
fn thread_hand_written() -> Vec<Entry> {
    black_box(paths::run_written())
}

#[library_benchmark(config = at_most(310_000))]
fn thread_hosted() -> Vec<Entry> {
    black_box(paths::run_hosted())
}

#[library_benchmark(config = at_most(39_000))]
#[bench::of_20_steps(paths::written_journal())]
fn thread_restored(journal: Vec<Entry>) -> Option<Machine> {
    black_box(paths::restore(black_box(journal)))
}

#[library_benchmark(config = at_most(4_400))]
fn frame_encode() -> Vec<u8> {
    black_box(paths::encode())
}

#[library_benchmark(config = at_most(9_900))]
#[bench::of_a_step(paths::inbound_small())]
fn frames_decode(inbound: paths::Inbound) -> usize {
    black_box(paths::decode(black_box(inbound)))
}

#[library_benchmark(config = at_most(1_080_000))]
#[bench::of_64_kib(paths::inbound_large())]
fn frames_decode_large(inbound: paths::Inbound) -> usize {
    black_box(paths::decode(black_box(inbound)))
}

#[library_benchmark(config = at_most(25_000))]
#[bench::tagged(read_before(paths::tagged_answer()))]
fn extract_tagged(answer: paths::Answer) -> Extraction {
    black_box(paths::extract(black_box(&answer)))
}

#[library_benchmark(config = at_most(53_000))]
#[bench::in_prose(read_before(paths::prose_answer()))]
fn extract_from_prose(answer: paths::Answer) -> Extraction {
    black_box(paths::extract(black_box(&answer)))
}

#[library_benchmark(config = at_most(10_500_000))]
#[bench::template(paths::config())]
fn read_config(source: String) -> Parsed {
    black_box(paths::configure(black_box(&source)))
}

library_benchmark_group!(name = threads, benchmarks = [thread_hand_written, thread_hosted, thread_restored]);
library_benchmark_group!(name = frames, benchmarks = [frame_encode, frames_decode, frames_decode_large]);
library_benchmark_group!(name = reading, benchmarks = [extract_tagged, extract_from_prose, read_config]);

main!(library_benchmark_groups = [threads, frames, reading]);
