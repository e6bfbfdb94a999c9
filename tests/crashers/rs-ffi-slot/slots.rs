use std::ptr;

#[repr(C)]
pub struct Slot {
    name: [u8; 16],
    hits: u64,
    last: u64,
}

pub struct Table {
    slots: Vec<Slot>,
    limit: usize,
}

impl Table {
    #[inline(never)]
    fn open_slot(&mut self, id: u64) -> *mut Slot {
        if self.slots.len() >= self.limit {
            return ptr::null_mut();
        }
        self.slots.push(Slot { name: [0; 16], hits: 0, last: id });
        self.slots.last_mut().unwrap()
    }
}

#[inline(never)]
unsafe fn bump(slot: *mut Slot, by: u64) -> u64 {
    let hits = (&raw const (*slot).hits).read_volatile(); // CRASH
    (*slot).hits = hits + by; // CRASH-ALSO
    hits + by
}

#[inline(never)]
fn record(table: &mut Table, id: u64) -> u64 {
    let slot = table.open_slot(id);
    unsafe { bump(slot, id) }
}

fn main() {
    let mut table = Table { slots: Vec::with_capacity(8), limit: 3 };
    for id in 1..6 {
        println!("{}", record(&mut table, id));
    }
}
