use std::collections::VecDeque;

struct Buffer {
    id: u32,
    bytes: [u8; 96],
}

struct Pool {
    free: VecDeque<*mut Buffer>,
    given: u32,
}

impl Pool {
    fn with_buffers(count: u32) -> Pool {
        let free = (0..count)
            .map(|id| Box::into_raw(Box::new(Buffer { id, bytes: [id as u8; 96] })))
            .collect();
        Pool { free, given: 0 }
    }

    fn take(&mut self) -> Option<*mut Buffer> {
        self.given += 1;
        self.free.pop_front()
    }

    #[inline(never)]
    fn give_back(&mut self, buffer: *mut Buffer) -> u32 {
        self.given -= 1;
        let owned = unsafe { Box::from_raw(buffer) };
        let id = owned.id + u32::from(owned.bytes[0]);
        drop(owned); // CRASH
        id
    }
}

fn transfer(pool: &mut Pool, rounds: u32) -> u32 {
    let mut sum = 0;
    for round in 0..rounds {
        let Some(buffer) = pool.take() else { break };
        sum += pool.give_back(buffer);
        if round == 2 {
            pool.given += 1;
            sum += pool.give_back(buffer);
        }
    }
    sum
}

fn main() {
    let mut pool = Pool::with_buffers(8);
    println!("{}", transfer(&mut pool, 6));
}
