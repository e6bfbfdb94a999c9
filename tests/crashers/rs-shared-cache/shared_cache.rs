use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::thread;

struct Cache {
    values: RefCell<BTreeMap<String, u64>>,
    generation: RefCell<u64>,
}

impl Cache {
    fn new() -> Rc<Cache> {
        Rc::new(Cache { values: RefCell::new(BTreeMap::new()), generation: RefCell::new(0) })
    }

    #[inline(never)]
    fn refresh(&self, key: &str) -> u64 {
        let mut values = self.values.borrow_mut(); // CRASH
        let value = values.entry(key.to_string()).or_insert(0);
        *value += 1;
        *self.generation.borrow_mut() += 1;
        *value
    }

    #[inline(never)]
    fn visit(&self, mut each: impl FnMut(&str, u64)) {
        for (key, value) in self.values.borrow().iter() {
            each(key, *value);
        }
    }
}

fn expire(cache: &Rc<Cache>, limit: u64) -> u64 {
    let mut refreshed = 0;
    cache.visit(|key, value| {
        if value >= limit {
            refreshed += cache.refresh(key);
        }
    });
    refreshed
}

fn serve() -> u64 {
    let cache = Cache::new();
    for key in ["user:1", "user:2", "user:1", "user:1"] {
        cache.refresh(key);
    }
    expire(&cache, 3)
}

fn main() {
    let worker = thread::Builder::new().name("cache-sweeper".into()).spawn(serve).unwrap();
    println!("{:?}", worker.join());
}
