//! How long the default image takes: looking the host over, and writing it to a tmpfs.

use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use unboxed::rootfs::{Fixture, plan_image, write_image};

fn rootfs(criterion: &mut Criterion) {
    let fixture = Fixture::embedded();
    let planned = plan_image(&fixture, Path::new("/")).expect("this machine has a shell");
    let tmpfs = || tempfile::tempdir_in("/dev/shm").expect("a tmpfs");
    eprintln!("{:?}", write_image(&planned, tmpfs().path()).expect("written"));

    criterion.bench_function("rootfs/fixture", |bencher| bencher.iter(Fixture::embedded));
    criterion.bench_function("rootfs/plan", |bencher| {
        bencher.iter(|| plan_image(&fixture, Path::new("/")))
    });
    criterion.bench_function("rootfs/write", |bencher| {
        bencher.iter_batched_ref(
            tmpfs,
            |dir| write_image(&planned, dir.path()),
            BatchSize::PerIteration,
        )
    });
}

criterion_group!(benches, rootfs);
criterion_main!(benches);
