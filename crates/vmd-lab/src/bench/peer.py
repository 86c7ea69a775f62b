"""The same networks in PyTorch. Reads a number of runs per line and answers each with a line of JSON."""

import json
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

case = json.loads(sys.argv[1])
width, heads, seq, vocab = case["width"], case["heads"], case["seq"], case["vocab"]


def edge_mask():
    """Attention masks of the heads of the Sudoku preset: row, column, box, all."""
    side = round(seq**0.5)
    box = round(side**0.5)
    cell = torch.arange(seq)
    row, column = cell // side, cell % side
    place = row // box * side + column // box
    same = [a[:, None] == a[None, :] for a in (row, column, place)]
    return torch.stack(same + [torch.ones(seq, seq, dtype=torch.bool)])[None]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        if case["mixing"] == "messages":
            self.say, self.hear = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        else:
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attend(self, x, mask):
        batch = x.shape[0]
        parts = self.qkv(x).view(batch, seq, 3, heads, width // heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, seq, width))

    def look_back(self, x, past, first):
        """Attention of a block to itself and to the cache; returns its keys and values."""
        batch, n, _ = x.shape
        q, k, v = self.qkv(x).view(batch, n, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        q, k = turn(q, first), turn(k, first)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, n, width)), (k, v)

    def block(self, h, past, first):
        mixed, past = self.look_back(self.norm1(h), past, first)
        h = h + mixed
        return h + self.down(F.gelu(self.up(self.norm2(h)))), past

    def tell(self, x, edges):
        batch = x.shape[0]
        said = F.relu(self.say(x)).view(batch, seq, heads, -1).transpose(1, 2)
        return self.hear((edges @ said).transpose(1, 2).reshape(batch, seq, 2 * width))

    def forward(self, h, mask):
        x = self.norm1(h)
        h = h + (self.tell(x, mask) if case["mixing"] == "messages" else self.attend(x, mask))
        hidden = self.up(self.norm2(h))
        hidden = F.gelu(hidden) if case["activation"] == "gelu" else F.relu(hidden)
        return h + self.down(hidden)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(vocab + 1, width)
        self.position = nn.Parameter(torch.randn(1, seq, width) * 0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(case["layers"]))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab)
        mask = edge_mask() if case["edges"] else None
        if case["mixing"] == "messages":
            mask = mask / mask.sum(-1, keepdim=True).sqrt()
        self.register_buffer("mask", mask)

    def forward(self, xt):
        h = self.token(xt)
        if not case["edges"]:
            h = h + self.position
        for _ in range(case["loops"]):
            for block in self.blocks:
                h = block(h, self.mask)
        return self.head(self.norm(h))


def turn(x, first):
    """Rotary positions from `first` on."""
    half = x.shape[-1] // 2
    position = torch.arange(first, first + x.shape[-2], dtype=torch.float32)
    angle = position[:, None] / 10000 ** (torch.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)


torch.manual_seed(0)
if case["mode"] == "product":
    left, right = torch.randn(case["batch"] * seq, width), torch.randn(width, 4 * width)
else:
    net = Net()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-4, betas=(0.9, 0.98))
    forward = torch.compile(net) if case.get("compile") else net


def sample():
    """Samples with the given number of evaluations; each reveals random positions with values drawn in f64."""
    xt = torch.full((case["batch"], seq), vocab)
    left = seq
    with torch.inference_mode():
        for step in range(case["nfe"]):
            count = round(left / (case["nfe"] - step))
            left -= count
            logits = forward(xt).double()
            drawn = torch.distributions.Categorical(logits=logits, validate_args=False).sample()
            order = torch.rand(case["batch"], seq).masked_fill(xt != vocab, -1.0)
            chosen = order.topk(count, dim=1).indices
            xt.scatter_(1, chosen, drawn.gather(1, chosen))


def read(tokens, past, first):
    """Output of a block, and its keys and values appended to those of `past`, per layer."""
    h, kept = net.token(tokens), []
    for layer, block in enumerate(net.blocks):
        h, kv = block.block(h, past[layer], first)
        kept.append(kv)
    return net.head(net.norm(h)), kept


def write():
    """Generates texts in blocks with the given number of evaluations each, and caches every finished block."""
    length = seq // case["blocks"]
    past = [None] * case["layers"]
    with torch.inference_mode():
        for first in range(0, seq, length):
            xt = torch.full((case["batch"], length), vocab)
            left = length
            for step in range(case["nfe"]):
                count = round(left / (case["nfe"] - step))
                left -= count
                logits = read(xt, past, first)[0].double()
                drawn = torch.distributions.Categorical(logits=logits, validate_args=False).sample()
                order = torch.rand(case["batch"], length).masked_fill(xt != vocab, -1.0)
                chosen = order.topk(count, dim=1).indices
                xt.scatter_(1, chosen, drawn.gather(1, chosen))
            if first + length < seq:
                past = read(xt, past, first)[1]


def once():
    with torch.autocast("cpu", torch.bfloat16, enabled=case["precision"] == "bf16"):
        run()


def run():
    if case["mode"] == "product":
        torch.mm(left, right)
        return
    if case["mode"] == "sample":
        sample()
        return
    if case["mode"] == "write":
        write()
        return
    x0 = torch.randint(0, vocab, (case["batch"], seq))
    masked = torch.rand(case["batch"], seq) < 0.5
    xt = x0.masked_fill(masked, vocab)
    if case["mode"] == "infer":
        with torch.inference_mode():
            forward(xt)
        return
    logits = forward(xt)
    nll = F.cross_entropy(logits.float().view(-1, vocab), x0.view(-1), reduction="none").view(case["batch"], seq)
    loss = (nll * masked).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()


for line in sys.stdin:
    seconds = []
    for _ in range(int(line)):
        start = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}), flush=True)
