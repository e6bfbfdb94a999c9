import asyncio, os, signal

class Order:
    def __init__(self, what, price):
        self.what = what
        self.price = price
        self.api_key = 'sesame'

class Slots:
    __slots__ = ('x', 'y')
    def __init__(self):
        self.x = [2**70, -1.5e-7]

async def inner(event):
    await event.wait()

async def outer(event):
    waited = 'outer'
    await inner(event)

async def follow(task):
    await task

def sell(order, *rest, **more):
    texts = ['größe', b'raw\x00', {'k': (1,), None: {3}}]
    slots = Slots()
    kept = 1j
    def later():
        return kept, never
    os.kill(os.getpid(), signal.SIGSEGV)
    never = 1

async def main():
    loop = asyncio.get_event_loop()
    event = asyncio.Event()
    first = loop.create_task(outer(event))
    second = loop.create_task(follow(first))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sorted([1], key=lambda one: sell(Order('tea', one), 2, colour='red'))

asyncio.set_event_loop(asyncio.new_event_loop())
asyncio.get_event_loop().run_until_complete(main())
