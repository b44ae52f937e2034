//! How long the hot paths take: `cargo bench -p nerve-hot-paths --bench time`.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use nerve_hot_paths as paths;

fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("thread of 20 steps");
    group.bench_function("hand-written", |bencher| bencher.iter(paths::run_written));
    group.bench_function("hosted", |bencher| bencher.iter(paths::run_hosted));
    group.bench_function("restored", |bencher| bencher.iter_batched(paths::written_journal, paths::restore, BatchSize::SmallInput));
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frames of a step");
    group.bench_function("encode", |bencher| bencher.iter(paths::encode));
    group.bench_function("decode", |bencher| bencher.iter_batched(paths::inbound_small, paths::decode, BatchSize::SmallInput));
    group.bench_function("decode 64 KiB", |bencher| bencher.iter_batched(paths::inbound_large, paths::decode, BatchSize::SmallInput));
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let (tagged, prose, config) = (paths::tagged_answer(), paths::prose_answer(), paths::config());
    let mut group = criterion.benchmark_group("reading");
    group.bench_function("a tagged block", |bencher| bencher.iter(|| paths::extract(&tagged)));
    group.bench_function("an object in prose", |bencher| bencher.iter(|| paths::extract(&prose)));
    group.bench_function("nerve.yaml", |bencher| bencher.iter(|| paths::configure(&config)));
    group.finish();
}

criterion_group!(benches, threads, frames, reading);
criterion_main!(benches);
