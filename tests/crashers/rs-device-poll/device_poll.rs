use std::ptr;

#[repr(C)]
struct Device {
    id: u32,
    flags: u32,
    name: [u8; 16],
    status: u64,
}

struct Bus {
    slots: Vec<*mut Device>,
}

impl Bus {
    fn new(slots: usize) -> Bus {
        Bus { slots: vec![ptr::null_mut(); slots] }
    }

    fn plug(&mut self, slot: usize, id: u32) {
        let device = Box::new(Device { id, flags: 1, name: [b'd'; 16], status: u64::from(id) });
        self.slots[slot] = Box::into_raw(device);
    }

    fn device(&self, slot: usize) -> *mut Device {
        self.slots.get(slot).copied().unwrap_or(ptr::null_mut())
    }

    #[inline(never)]
    fn poll(&self, slot: usize) -> u64 {
        let device = self.device(slot);
        unsafe { ptr::read_volatile(&raw const (*device).status) } // CRASH
    }
}

fn scan(bus: &Bus, slots: &[usize]) -> u64 {
    slots.iter().map(|&slot| bus.poll(slot)).fold(0, |sum, status| sum ^ status)
}

fn main() {
    let mut bus = Bus::new(4);
    bus.plug(0, 17);
    bus.plug(1, 33);
    println!("{}", scan(&bus, &[0, 1, 3]));
}
