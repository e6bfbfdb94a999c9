use std::collections::HashMap;

#[derive(Clone, Copy)]
struct Level {
    free: u32,
    reserved: u32,
}

struct Stock {
    levels: HashMap<u64, Level>,
    reserved_total: u64,
}

impl Stock {
    fn load(rows: &[(u64, u32)]) -> Stock {
        let levels =
            rows.iter().map(|&(sku, free)| (sku, Level { free, reserved: 0 })).collect();
        Stock { levels, reserved_total: 0 }
    }

    #[inline(never)]
    fn reserve(&mut self, sku: u64, quantity: u32) -> u32 {
        let Some(level) = self.levels.get_mut(&sku) else {
            return 0;
        };
        level.free -= quantity; // CRASH
        level.reserved += quantity;
        self.reserved_total += u64::from(quantity);
        level.free
    }
}

fn process(stock: &mut Stock, orders: &[(u64, u32)]) -> u32 {
    orders.iter().map(|&(sku, quantity)| stock.reserve(sku, quantity)).sum()
}

fn main() {
    let mut stock = Stock::load(&[(7001, 5), (7002, 9)]);
    let orders: Vec<(u64, u32)> = (1..5).map(|i| (7000 + i % 3, i as u32 * 2)).collect();
    println!("{} {}", process(&mut stock, &orders), stock.reserved_total);
}
