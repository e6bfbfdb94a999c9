struct Window {
    samples: Vec<u32>,
    capacity: usize,
}

impl Window {
    fn new(capacity: usize) -> Window {
        Window { samples: Vec::with_capacity(capacity), capacity }
    }

    fn record(&mut self, millis: u32) {
        if self.samples.len() == self.capacity {
            self.samples.remove(0);
        }
        self.samples.push(millis);
    }

    #[inline(never)]
    fn percentile(&self, percent: usize) -> u32 {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        let rank = sorted.len() * percent / 100;
        sorted[rank] // CRASH
    }
}

struct Report {
    median: u32,
    worst: u32,
}

fn summarise(window: &Window) -> Report {
    Report { median: window.percentile(50), worst: window.percentile(100) }
}

fn main() {
    let mut window = Window::new(16);
    for request in 0..40u32 {
        window.record(request * 37 % 101);
    }
    let report = summarise(&window);
    println!("{} {}", report.median, report.worst);
}
