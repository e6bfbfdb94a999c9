use std::arch::asm;

const GUARD: u64 = 0x5ca1_ab1e_0ddb_a115;

struct Arena {
    words: Vec<u64>,
    used: usize,
}

#[inline(always)]
fn trap() -> ! {
    unsafe { asm!("ud2", options(noreturn)) } // CRASH
}

impl Arena {
    fn new(words: usize) -> Arena {
        let mut arena = Arena { words: vec![0; words + 1], used: 0 };
        arena.words[words] = GUARD;
        arena
    }

    #[inline(never)]
    fn check(&self) -> usize {
        if self.words[self.words.len() - 1] != GUARD {
            trap(); // CRASH-ALSO
        }
        self.words.len() - 1 - self.used
    }

    #[inline(never)]
    fn push(&mut self, value: u64) {
        self.words[self.used] = value;
        self.used += 1;
    }
}

fn fill(arena: &mut Arena, count: usize) -> usize {
    let mut left = 0;
    for value in 0..count {
        arena.push(value as u64);
        left = arena.check();
    }
    left
}

fn main() {
    let mut arena = Arena::new(16);
    println!("{}", fill(&mut arena, 10));
    println!("{}", fill(&mut arena, 7));
}
