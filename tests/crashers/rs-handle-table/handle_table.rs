use std::ptr;

#[repr(C)]
struct Entry {
    owner: u64,
    value: u64,
}

struct HandleTable {
    entries: Vec<Box<Entry>>,
}

impl HandleTable {
    fn insert(&mut self, owner: u64, value: u64) -> u64 {
        let entry = Box::new(Entry { owner, value });
        let handle = &*entry as *const Entry as u64;
        self.entries.push(entry);
        handle
    }

    #[inline(never)]
    fn resolve(&self, handle: u64, owner: u64) -> Option<u64> {
        let entry = handle as *const Entry;
        let found = unsafe { ptr::read_volatile(&raw const (*entry).value) }; // CRASH
        let holder = unsafe { (*entry).owner };
        (holder == owner).then_some(found)
    }
}

fn answer(table: &HandleTable, requests: &[(u64, u64)]) -> u64 {
    requests.iter().filter_map(|&(handle, owner)| table.resolve(handle, owner)).sum()
}

fn main() {
    let mut table = HandleTable { entries: Vec::new() };
    let first = table.insert(1, 10);
    let second = table.insert(2, 20);
    let forged: u64 = "7318349394477056".parse().unwrap_or(0);
    println!("{}", answer(&table, &[(first, 1), (second, 2), (forged, 3)]));
}
