"""What real models need: memory and hours by a rule of thumb, before anything is downloaded.

These are estimates, not measurements: within a factor of two where nothing else slows a machine down.
"""

from __future__ import annotations

from dataclasses import dataclass

LORA_RANK = 16
"""Rank of the adapters that the shapes below are given for (configs/llm.yaml)."""
SEQUENCE = 512
"""Tokens of a prompt with its response, on the high side."""
PAIRS, SEQUENCES, TEST_PROMPTS, TRAIN_PROMPTS = 2, 1761, 120, 470
"""Pairs per forward pass; responses of the paper's study, its test prompts and its training prompts (80 %)."""
ANSWER, TRACE = 256, 2048
"""Tokens of an answer, and of an answer with a reasoning trace."""
GENERATIONS, GRPO_PROMPTS, GRPO_ANSWER, GRPO_TRACE, EVALUATION_BATCH = 8, 8, 256, 1024, 32
UTILISATION, BANDWIDTH_SHARE = 0.35, 0.6
"""Shares of a GPU's peak that training (arithmetic) and generation (memory traffic) reach."""
LAYER_SECONDS = 0.7e-3
"""Least time per layer and token of generation: what transformers' own Python takes."""
RESERVE_GB, FRAGMENTATION = 1.5, 1.1
"""CUDA's own memory, and what the allocator leaves unused."""


@dataclass(frozen=True)
class Shape:
    """What matters of a model.

    Parameters
    ----------
    name, model : str
        Key in configs/llm.yaml, and model id.
    parameters, adapter : float
        Billions of parameters, and millions of those of an adapter of rank `LORA_RANK` on all linear layers.
    layers, hidden, feed_forward, vocabulary : int
        Sizes.
    reasoning : bool
        Whether it writes a trace before its answer.
    terms : bool
        Whether its page asks, or has asked, to accept terms before it can be downloaded.
    """

    name: str
    model: str
    parameters: float
    adapter: float
    layers: int
    hidden: int
    feed_forward: int
    vocabulary: int
    reasoning: bool = False
    terms: bool = False


@dataclass(frozen=True)
class Gpu:
    """A GPU's peak: teraflops of dense bfloat16, terabytes per second."""

    name: str
    teraflops: float
    bandwidth: float


H100, A100 = Gpu("H100", 989.0, 3.35), Gpu("A100", 312.0, 2.0)
SHAPES = (
    Shape("llama_1b", "meta-llama/Llama-3.2-1B-Instruct", 1.24, 11.3, 16, 2048, 8192, 128256, terms=True),
    Shape("qwen3_4b", "Qwen/Qwen3-4B", 4.02, 33.0, 36, 2560, 9728, 151936, reasoning=True),
    Shape("mistral_7b", "mistralai/Mistral-7B-Instruct-v0.3", 7.25, 41.9, 32, 4096, 14336, 32768, terms=True),
    Shape("olmo2_7b", "allenai/OLMo-2-1124-7B-Instruct", 7.30, 40.0, 32, 4096, 11008, 100352),
    Shape("r1_llama_8b", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 8.03, 41.9, 32, 4096, 14336, 128256, True),
    Shape("gemma2_9b", "google/gemma-2-9b-it", 9.24, 54.0, 42, 3584, 14336, 256000, terms=True),
    Shape("phi4_14b", "microsoft/Phi-4-reasoning", 14.66, 55.7, 40, 5120, 17920, 100352, reasoning=True),
)
"""The models of configs/llm.yaml; a test builds each without weights and compares."""


@dataclass(frozen=True)
class Memory:
    """Gigabytes (10^9 bytes) that training with DPO needs on the GPU.

    Parameters
    ----------
    weights : float
        bfloat16: 2 bytes per parameter.
    adapter : float
        float32 with gradient and AdamW's two moments: 16 bytes per parameter.
    activations : float
        With gradient checkpointing, for `PAIRS` pairs of `SEQUENCE` tokens a side.
    """

    weights: float
    adapter: float
    activations: float

    @property
    def total(self) -> float:
        """All of it, with what CUDA and its allocator take."""
        return (self.weights + self.adapter + self.activations) * FRAGMENTATION + RESERVE_GB


def memory(shape: Shape, pairs: int = PAIRS, sequence: int = SEQUENCE) -> Memory:
    """Return the memory of a DPO update.

    Per token: each layer's input (2 bytes per unit), one layer in full while its gradient is computed (its
    attention about 16, its feed-forward part 8 bytes per unit), and the logits with their softmax and gradient
    (10 bytes per entry of the vocabulary).
    """
    tokens = 2 * pairs * sequence
    layer = 16 * shape.hidden + 8 * shape.feed_forward
    per_token = 2 * shape.layers * shape.hidden + layer + 10 * shape.vocabulary
    return Memory(2 * shape.parameters, 16 * shape.adapter / 1e3, tokens * per_token / 1e9)


def train_hours(shape: Shape, gpu: Gpu, tokens: float) -> float:
    """Return the hours of training on so many tokens.

    Per token and parameter: 2 operations forward, 2 for the same again (gradient checkpointing), 2 for the gradient
    of the activations; the weights are frozen and need none. The reference adds 2, once.
    """
    return 8 * shape.parameters * 1e9 * tokens / (gpu.teraflops * 1e12 * UTILISATION) / 3600


def answer_hours(shape: Shape, gpu: Gpu, prompts: int, tokens: int, batch: int) -> float:
    """Return the hours of answering prompts: every token reads all weights once, and takes Python's own time."""
    token = max(2 * shape.parameters / (gpu.bandwidth * 1e3 * BANDWIDTH_SHARE), LAYER_SECONDS * shape.layers)
    return -(-prompts // batch) * tokens * token / 3600


def condition_hours(shape: Shape, gpu: Gpu) -> tuple[float, float]:
    """Return the hours of a condition, answers to the test prompts included: with DPO, and with GRPO.

    DPO: one pass over the paper's study, each response in a pair of its own twice. GRPO: one pass over the training
    prompts; sampling takes most of it.
    """
    answers = answer_hours(shape, gpu, TEST_PROMPTS, TRACE if shape.reasoning else ANSWER, EVALUATION_BATCH)
    dpo = train_hours(shape, gpu, 2 * SEQUENCES * SEQUENCE)
    length = GRPO_TRACE if shape.reasoning else GRPO_ANSWER
    sampled = answer_hours(shape, gpu, TRAIN_PROMPTS * GENERATIONS, length, GRPO_PROMPTS * GENERATIONS)
    learned = train_hours(shape, gpu, TRAIN_PROMPTS * GENERATIONS * (length + SEQUENCE // 2))
    return dpo + answers, sampled + learned + answers


def estimates_table() -> str:
    """Return the table of docs/llm.md."""
    rows = [
        "| family | model | parameters (10⁹) | weights, GB | adapter, GB | activations, GB | in all, GB "
        "| DPO, H100 | DPO, A100 | GRPO, H100 | GRPO, A100 |",
        "| --- | --- " + "| ---: " * 9 + "|",
    ]
    for shape in SHAPES:
        need = memory(shape)
        (dpo, grpo), (dpo_a, grpo_a) = condition_hours(shape, H100), condition_hours(shape, A100)
        name = shape.model + (" (R)" if shape.reasoning else "") + (" (T)" if shape.terms else "")
        rows.append(
            f"| `{shape.name}` | {name} | {shape.parameters:.2f} | {need.weights:.1f} | {need.adapter:.1f} | "
            f"{need.activations:.1f} | {need.total:.0f} | {dpo:.2f} | {dpo_a:.2f} | {grpo:.1f} | {grpo_a:.1f} |"
        )
    return "\n".join(rows)
