// SPDX-License-Identifier: BSD-2-Clause
//! crash-rs: a panic below known functions, when standard input ends; built with panic=abort. A
//! thread sleeps meanwhile.
use std::io::{Read, Write};
use std::time::Duration;

trait Till {
    fn pay(&self, coins: usize) -> u64;
}

struct Cart {
    prices: Vec<u64>,
}

impl Till for Cart {
    #[inline(never)]
    fn pay(&self, coins: usize) -> u64 {
        self.prices[coins]
    }
}

#[inline(never)]
fn order(till: &dyn Till, coins: usize) -> u64 {
    let paid = till.pay(coins);
    unsafe { std::ptr::read_volatile(&paid) + 1 }
}

#[inline(never)]
fn serve() {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

fn main() {
    std::thread::spawn(serve);
    std::thread::sleep(Duration::from_millis(50));
    println!("ready {}", std::process::id());
    std::io::stdout().flush().unwrap();
    let mut told = [0u8; 1];
    let read = std::io::stdin().read(&mut told).unwrap();
    let cart: Box<dyn Till> = Box::new(Cart { prices: vec![1, 2, 3] });
    std::process::exit(order(&*cart, 7 + read) as i32);
}
