// SPDX-License-Identifier: BSD-2-Clause
//! chains-rs CASE [CPU_MS]: known chains in Rust: closures, trait objects, panics that are caught,
//! recursion. An element of the chain is a part of the demangled name.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, now: *mut Timespec) -> i32;
    fn gettid() -> i32;
}

/// std::hint::black_box, which came with Rust 1.66.
#[inline(always)]
fn black_box<T>(value: T) -> T {
    unsafe { std::arch::asm!("/* {0} */", in(reg) &value, options(nostack, preserves_flags)) };
    value
}

const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
static BURN_NS: AtomicU64 = AtomicU64::new(0);
static BEGIN_NS: AtomicU64 = AtomicU64::new(0);
static END_NS: AtomicU64 = AtomicU64::new(0);
static TID: AtomicU64 = AtomicU64::new(0);

#[inline(never)]
fn cpu_ns() -> u64 {
    let mut now = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.sec as u64 * 1_000_000_000 + now.nsec as u64
}

fn epoch_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Few enough looks at the clock that the samples in it do not count.
#[inline(never)]
fn leaf() {
    TID.store(unsafe { gettid() } as u64, Relaxed);
    let (start, burn) = (cpu_ns(), BURN_NS.load(Relaxed));
    let mut x = start;
    BEGIN_NS.store(epoch_ns(), Relaxed);
    loop {
        for _ in 0..4_000_000 {
            x = black_box(x.wrapping_mul(6364136223846793005).wrapping_add(1));
        }
        END_NS.store(epoch_ns(), Relaxed);
        if cpu_ns() - start >= burn {
            break;
        }
    }
    black_box(x);
}

#[inline(never)]
fn plain_inner(n: u64) -> u64 {
    leaf();
    black_box(n)
}

#[inline(never)]
fn plain() {
    black_box(plain_inner(black_box(1)));
}

#[inline(never)]
fn call_it<F: Fn(u64) -> u64>(f: F) -> u64 {
    black_box(f(black_box(1)))
}

#[inline(never)]
fn closure() {
    let n = black_box(3);
    black_box(call_it(#[inline(never)] |m| {
        leaf();
        black_box(n + m)
    }));
}

trait Shape {
    fn draw(&self) -> u64;
}

struct Circle(u64);

impl Shape for Circle {
    #[inline(never)]
    fn draw(&self) -> u64 {
        leaf();
        black_box(self.0)
    }
}

#[inline(never)]
fn dynamic() {
    let shape: Box<dyn Shape> = black_box(Box::new(Circle(1)));
    black_box(shape.draw());
}

#[inline(never)]
fn recurse(n: u64) -> u64 {
    if n == 0 {
        leaf();
        return black_box(1);
    }
    black_box(recurse(black_box(n - 1))) + black_box(n)
}

#[inline(never)]
fn recursion() {
    black_box(recurse(4));
}

struct Guard;

impl Drop for Guard {
    #[inline(never)]
    fn drop(&mut self) {
        leaf();
        black_box(());
    }
}

#[inline(never)]
fn guarded() {
    let _guard = black_box(Guard);
    if black_box(true) {
        panic!("on purpose");
    }
}

#[inline(never)]
fn panicking() {
    std::panic::set_hook(Box::new(|_| {}));
    let _ = black_box(std::panic::catch_unwind(guarded));
}

const CASES: &[(&str, fn(), &[&str])] = &[
    ("plain", plain, &["*", "leaf", "plain_inner", "plain", "main", "+"]),
    ("closure", closure, &["*", "leaf", "closure::{{closure}}", "call_it", "closure", "main", "+"]),
    ("dynamic", dynamic, &["*", "leaf", "draw", "dynamic", "main", "+"]),
    ("recursion", recursion,
     &["*", "leaf", "recurse", "recurse", "recurse", "recurse", "recurse", "recursion", "main", "+"]),
    ("panic", panicking, &["*", "leaf", "drop", "*", "guarded", "*", "panicking", "main", "+"]),
];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let ms = args.get(2).map_or(1000, |s| s.parse().expect("CPU_MS"));
    BURN_NS.store(ms * 1_000_000, Relaxed);
    for (name, run, chain) in CASES {
        if args.len() < 2 {
            println!("{name}");
        } else if *name == args[1] {
            run();
            println!(
                "{{\"case\": \"{name}\", \"pid\": {}, \"tid\": {}, \"begin_ns\": {}, \
                 \"end_ns\": {}, \"cpu_ns\": {}, \"own\": \"^<?chains_rs::\", \"match\": \"part\", \"chain\": {chain:?}}}",
                std::process::id(), TID.load(Relaxed), BEGIN_NS.load(Relaxed), END_NS.load(Relaxed),
                BURN_NS.load(Relaxed)
            );
        }
    }
}
