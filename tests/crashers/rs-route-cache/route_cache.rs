use std::collections::HashMap;

#[repr(C)]
struct Hop {
    metric: u64,
    port: u32,
}

#[repr(C)]
struct Route {
    next: *const Hop,
    prefix: u32,
    bits: u32,
}

struct Router {
    routes: HashMap<u32, Box<Route>>,
    last: *const Route,
}

impl Router {
    fn add(&mut self, prefix: u32, bits: u32, metric: u64) {
        let hop = Box::leak(Box::new(Hop { metric, port: bits }));
        self.routes.insert(prefix, Box::new(Route { next: hop, prefix, bits }));
    }

    fn lookup(&mut self, prefix: u32) {
        self.last = self.routes.get(&prefix).map_or(std::ptr::null(), |route| &**route);
    }

    #[inline(never)]
    fn withdraw(&mut self, prefix: u32) -> bool {
        self.routes.remove(&prefix).is_some()
    }

    #[inline(never)]
    fn forward(&self, bytes: u64) -> u64 {
        if self.last.is_null() {
            return 0;
        }
        let route = unsafe { &*self.last };
        let metric = unsafe { (*route.next).metric }; // CRASH
        metric * bytes + u64::from(route.bits) // CRASH-ALSO
    }
}

fn main() {
    let mut router = Router { routes: HashMap::new(), last: std::ptr::null() };
    router.add(0x0a000000, 8, 10);
    router.add(0x0a140000, 16, 5);
    router.lookup(0x0a140000);
    let mut cost = router.forward(1500);
    router.withdraw(0x0a140000);
    cost += router.forward(1500);
    println!("{cost}");
}
