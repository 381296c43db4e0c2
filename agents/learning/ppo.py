"""PPO for causal language models: score a rollout, estimate advantages, take clipped steps. Reads top to bottom."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from codegym.agents.learning import sharding, trainer_state
from codegym.agents.learning.advantage import gae, group_advantage, normalise
from codegym.agents.learning.distributed import Peers
from codegym.agents.learning.losses import adapted_coef, kl, policy_loss, value_loss
from codegym.agents.learning.metrics import Averages, explained_variance, masked_variance
from codegym.agents.learning.options import PPOOptions
from codegym.agents.learning.scoring import ActionScores, action_hidden_states, score_actions
from codegym.agents.learning.tensors import save_tensors
from codegym.agents.learning.token_batch import TokenBatch
from codegym.agents.learning.value_head import ValueHead
from codegym.envs.errors import OptionError, TrainingError

T = TypeVar("T")


class PPO:
    """Proximal policy optimisation (Schulman et al. 2017) of a language model from batches of sampled tokens.

    Knows no environment: whoever samples builds a `TokenBatch`, then calls `score` and `update` once per rollout.
    Nothing here draws from a global random generator and no random state is kept: the order of rows in an iteration
    comes from (seed, iteration, epoch), so a resumed run needs the weights, the optimiser and the iteration alone.

    Attributes:
        model: the policy, a transformers causal language model; kept in eval mode, so that dropout cannot make its
            log-probabilities differ from the sampler's.
        reference: a frozen copy of the weights as they were passed in; None where kl_coef is 0, and for a peft model,
            which is its own reference with the adapter off.
        value_head: the critic, or None where the advantage needs none.
        iteration: number of updates done.
        kl_coef: weight of the KL; moves where the options name a target.
        micro_batch: rows in memory at once; halved when they do not fit.
        exact_sampler: whether the sampler computes in float32 as this does; else log-probabilities may differ more.
    """

    def __init__(
        self,
        model: Any,
        options: PPOOptions,
        *,
        seed: int = 0,
        folder: Path | None = None,
        peers: Peers | None = None,
    ) -> None:
        """Take over a model for training.

        Args:
            model: a transformers causal language model; trained in place.
            options: of the algorithm.
            seed: of the order of rows.
            folder: where a batch that breaks training is saved for inspection.
            peers: the processes that train the model together; each is given the whole batch and does its share.

        Raises:
            OptionError: an option makes no sense.
        """
        options.check()
        self.model = model.eval()
        self.options = options
        self.seed = seed
        self.folder = folder
        self.peers = peers or Peers()
        self.exact_sampler = True
        self.iteration = 0
        self.kl_coef = options.kl_coef
        self.micro_batch = options.micro_batch
        self._adapted = hasattr(model, "disable_adapter")
        self.reference = None
        if options.kl_coef > 0 and not self._adapted:
            self.reference = copy.deepcopy(model).requires_grad_(False).eval()
        self.layers: list[Any] = []
        self._reference_layers: list[Any] = []
        if self.peers.sharded:
            if self._adapted:
                raise OptionError("--lora-rank must be 0 with FSDP: an adapter fits without it.")
            self.layers = sharding.shard(model, self.peers.size)
            if self.reference is not None:
                self._reference_layers = sharding.shard(self.reference, self.peers.size)
        self.value_head: ValueHead | None = None
        self.policy_parameters = [p for p in model.parameters() if p.requires_grad]
        self.value_parameters: list[torch.nn.Parameter] = []
        if options.advantage == "gae":
            width = model.get_output_embeddings().weight.shape[1]
            self.value_head = ValueHead(width).to(self.policy_parameters[0].device)
            self.value_parameters = list(self.value_head.parameters())
        groups: list[dict[str, Any]] = [{"params": self.policy_parameters, "lr": options.lr}]
        if self.value_parameters:
            groups.append({"params": self.value_parameters, "lr": options.value_lr})
        self.optimizer = torch.optim.Adam(groups, eps=1e-8, foreach=False if self.layers else None)

    # -- 1. what the rollout's policy and the reference say about the tokens ----------------------------------------

    @torch.no_grad()
    def score(self, batch: TokenBatch) -> TokenBatch:
        """Add reference log-probabilities, and values where the sampler gave none.

        The log-probabilities of the policy are the sampler's own.

        Raises:
            TrainingError: a reward or a sampled log-probability is not finite.
        """
        for name in ("reward", "logp"):
            if not bool(torch.isfinite(batch.tensors[name][batch.action]).all()):
                raise self._broken(batch, f"a {'reward' if name == 'reward' else 'sampled log-probability'} is NaN")
        with self.gathered(), sharding.gathered(self._reference_layers):
            scored = self._fitted(lambda: self._scored(batch))
        self.peers.add_up(list(scored.values()))  # 0 in the rows of the others
        if (cap := self.options.importance_cap) is not None:
            importance = torch.where(batch.action, (scored["logp"] - batch.logp).exp().clamp(max=cap), 0.0)
            return batch.replace(**scored, importance=importance)
        return batch.replace(**scored)

    def _scored(self, batch: TokenBatch) -> dict[str, Tensor]:
        """What the models say of this process's rows; 0 in all others."""
        names = ["ref_logp"]
        if batch.value is None:
            names.append("value")
        if self.options.importance_cap is not None:
            names.append("logp")
        scored = {name: torch.zeros_like(batch.logp) for name in names}
        mine = self.peers.rows(batch)
        for places in batch.select(mine).microbatches(self.micro_batch):
            rows = mine[places]
            part = batch.select(rows)
            time = torch.arange(part.ids.shape[1], device=part.ids.device)
            if self.options.kl_coef > 0:
                with self.model.disable_adapter() if self._adapted else contextlib.nullcontext():
                    scores = score_actions(self.reference or self.model, part, temperature=self.options.temperature)
                scored["ref_logp"][rows[:, None], time] = _spread(scores.logp, part.action)
            if "logp" in scored:
                scores = score_actions(self.model, part, temperature=self.options.temperature)
                scored["logp"][rows[:, None], time] = _spread(scores.logp, part.action)
            if self.value_head is not None and "value" in scored:
                value = self.value_head(action_hidden_states(self.model, part))
                scored["value"][rows[:, None], time] = _spread(value, part.action)
        return scored

    # -- 2. advantages ------------------------------------------------------------------------------------------------

    def estimate(self, batch: TokenBatch) -> TokenBatch:
        """Add advantages and returns to a scored batch."""
        options = self.options
        assert batch.value is not None and batch.ref_logp is not None, "score the batch first"
        reward = batch.reward
        if options.kl_in == "reward":
            reward = reward - self.kl_coef * torch.where(batch.action, batch.logp - batch.ref_logp, 0.0)
        if options.advantage == "gae":
            advantage, returns = gae(
                reward,
                batch.value,
                batch.action,
                gamma=options.gamma,
                lam=options.lam,
                terminated=batch.terminated,
                bootstrap=batch.bootstrap,
                step=batch.step,
                level=options.gae_level,
            )
        else:
            row = group_advantage(reward.sum(1), batch.group, options.advantage)
            advantage = torch.where(batch.action, row[:, None], 0.0)
            returns = torch.zeros_like(reward)
        if options.advantage in ("gae", "reinforce++"):
            advantage = normalise(advantage, batch.action * batch.credit)
        return batch.replace(advantage=advantage, returns=returns)

    # -- 3. epochs of minibatches -------------------------------------------------------------------------------------

    def update(self, batch: TokenBatch, *, lr_scale: float = 1.0) -> dict[str, float]:
        """Train on one scored rollout.

        Args:
            batch: as `score` returned it.
            lr_scale: share of the learning rates to take in this iteration.

        Returns:
            The metrics, each through the masked reducer.

        Raises:
            TrainingError: the log-probabilities are not those of this policy, or a loss or gradient is not finite.
        """
        options = self.options
        for group, lr in zip(self.optimizer.param_groups, (options.lr, options.value_lr), strict=False):
            group["lr"] = lr * lr_scale
        batch = self.estimate(batch)
        assert batch.value is not None and batch.returns is not None
        averages = Averages()
        weight = batch.action.float()
        metrics = {
            "explained_variance": explained_variance(batch.value, batch.returns, weight),
            "return_variance": float(masked_variance(batch.returns, weight)),
        }
        if self.iteration < options.value_warmup and self.value_head is not None:
            self._fit_value_head(batch, averages)
        else:
            for epoch in range(options.epochs):
                rng = np.random.default_rng(np.random.SeedSequence([self.seed, self.iteration, epoch]))
                for index, rows in enumerate(batch.minibatch_rows(options.minibatches, rng)):
                    self._step(batch.select(rows), averages, fresh=epoch == index == 0)
        self.iteration += 1
        together = Averages()
        for part in self.peers.joined([averages.sums()]):
            together.merge(Averages.of(part))
        means = together.means()
        if options.kl_target is not None and "kl" in means:
            self.kl_coef = adapted_coef(self.kl_coef, means["kl"], options.kl_target, len(batch) / options.kl_horizon)
            metrics["kl_coef"] = self.kl_coef
        return {**means, **metrics}

    def _step(self, minibatch: TokenBatch, averages: Averages, *, fresh: bool) -> None:
        """One optimiser step; the gradient is accumulated over micro-batches, exactly."""
        averages.merge(self._fitted(lambda: self._accumulate(minibatch, fresh)))
        self.peers.add_up_gradients([*self.policy_parameters, *self.value_parameters])
        clip = sharding.clip_grad_norm if self.layers else torch.nn.utils.clip_grad_norm_
        norm = clip(self.policy_parameters, self.options.max_grad_norm)
        if self.value_parameters:
            torch.nn.utils.clip_grad_norm_(self.value_parameters, self.options.max_grad_norm)
        if not bool(torch.isfinite(norm)):
            raise self._broken(minibatch, f"the norm of the gradient is {float(norm)}")
        averages.add("grad_norm", norm, torch.ones_like(norm))
        self.optimizer.step()

    def _accumulate(self, minibatch: TokenBatch, fresh: bool) -> Averages:
        """The gradient of a minibatch as the sum of its micro-batches'; returns the metrics of its tokens."""
        averages = Averages()
        actions = minibatch.action.sum()
        credited = (minibatch.action * minibatch.credit).sum().clamp_min(1e-8)
        self.optimizer.zero_grad(set_to_none=True)
        mine = minibatch.select(self.peers.rows(minibatch)) if self.peers.size > 1 else minibatch
        for rows, share in self._micro_batches(mine):
            part = mine.select(rows)
            scores = score_actions(
                self.model,
                part,
                value_head=self.value_head,
                temperature=self.options.temperature,
                entropy_gradient=bool(self.options.entropy_coef),
            )
            if fresh:
                self._check_ratio(part, scores)
            loss = share * self._loss(part, scores, credited, actions, averages if share else Averages())
            if not bool(torch.isfinite(loss)):
                raise self._broken(minibatch, f"the loss is {float(loss.detach())}")
            loss.backward()  # type: ignore[no-untyped-call]
        return averages

    def _micro_batches(self, mine: TokenBatch) -> Iterator[tuple[Tensor, float]]:
        """The rows of each micro-batch and what its loss counts: 0 for one that only keeps sharded layers in step."""
        count = 0
        for rows in mine.microbatches(self.micro_batch):
            count += 1
            yield rows, 1.0
        if self.layers:
            for _ in range(self.peers.most(count) - count):
                yield torch.tensor([0]), 0.0

    def gathered(self) -> contextlib.AbstractContextManager[None]:
        """Every process holds all weights of the policy, to sample with; all processes must enter."""
        return sharding.gathered(self.layers)

    def whole_model(self) -> Any:
        """The policy with all its weights; every process must ask."""
        return sharding.unsharded_copy(self.model, self.layers) if self.layers else self.model

    def _fitted(self, work: Callable[[], T]) -> T:
        """What `work` returns, with the micro-batch halved as often as it takes to fit into memory.

        Raises:
            TrainingError: a single row does not fit.
        """
        while True:
            try:
                return work()
            except RuntimeError as error:
                if not out_of_memory(error) or self.layers:  # sharded, the others wait in the middle of a layer
                    raise
                if self.micro_batch == 1:
                    raise TrainingError(
                        f"Training stopped in iteration {self.iteration}: out of memory with a single row; "
                        "shorten the episodes, train a smaller model or an adapter (--lora-rank)."
                    ) from None
            self.optimizer.zero_grad(set_to_none=True)
            self.micro_batch = -(-self.micro_batch // 2)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _loss(
        self, part: TokenBatch, scores: ActionScores, credited: Tensor, actions: Tensor, averages: Averages
    ) -> Tensor:
        """Policy, KL, entropy and value loss of some rows, as their share of the minibatch."""
        options = self.options
        assert part.advantage is not None and part.ref_logp is not None
        assert part.value is not None and part.returns is not None
        chosen = part.action
        weight = part.credit[chosen]  # [actions]; everything below is of this shape
        everywhere = torch.ones_like(weight)
        loss, stats = policy_loss(
            scores.logp,
            part.logp[chosen],
            part.advantage[chosen] * (part.importance[chosen] if part.importance is not None else 1.0),
            weight,
            denominator=credited,
            eps_low=options.eps_low,
            eps_high=options.eps_high,
            dual_clip=options.dual_clip,
        )
        averages.add_sum("policy_loss", loss * credited, weight.sum())
        averages.add("clip_fraction", stats["clipped"], weight)
        averages.add("approx_kl", stats["approx_kl"], weight)
        averages.add("entropy", scores.entropy, everywhere)
        if options.kl_coef > 0:
            divergence = kl(scores.logp, part.ref_logp[chosen], weight, options.kl_estimator)
            averages.add("kl", divergence, weight)
            if options.kl_in == "loss":
                loss = loss + self.kl_coef * (divergence * weight).sum() / credited
        if options.entropy_coef:
            loss = loss - options.entropy_coef * (scores.entropy * weight).sum() / credited
        if scores.value is not None:
            error = value_loss(
                scores.value,
                part.value[chosen],
                part.returns[chosen],
                everywhere,
                denominator=actions,
                clip=options.value_clip,
            )
            averages.add_sum("value_loss", error * actions, everywhere.sum())
            loss = loss + error
        return loss

    def _fit_value_head(self, batch: TokenBatch, averages: Averages) -> None:
        """Warm-up: the policy stands still, so its hidden states are computed once and the head is fitted to them."""
        assert self.value_head is not None and batch.returns is not None and batch.value is not None
        with self.gathered():
            features, targets = self._fitted(lambda: self._features(batch))
        ones, actions = torch.ones_like(targets), batch.action.sum()
        for _ in range(WARMUP_STEPS):
            self.optimizer.zero_grad(set_to_none=True)
            error = value_loss(self.value_head(features), targets, targets, ones, denominator=actions)
            if not bool(torch.isfinite(error)):
                raise self._broken(batch, f"the value loss is {float(error.detach())}")
            error.backward()  # type: ignore[no-untyped-call]
            self.peers.add_up_gradients(self.value_parameters)
            self.optimizer.step()
        averages.add_sum("value_loss", error * actions, ones.sum())

    @torch.no_grad()
    def _features(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """Hidden states and returns of all actions of this process's rows."""
        hidden, returns = [], []
        batch = batch.select(self.peers.rows(batch)) if self.peers.size > 1 else batch
        for rows in batch.microbatches(self.micro_batch):
            part = batch.select(rows)
            assert part.returns is not None
            hidden.append(action_hidden_states(self.model, part))
            returns.append(part.returns[part.action])
        return torch.cat(hidden), torch.cat(returns)

    def _check_ratio(self, part: TokenBatch, scores: ActionScores) -> None:
        """Before the first step the trained policy is the one that sampled: every probability ratio is 1."""
        gap = (scores.logp.detach() - part.logp[part.action]).abs()
        exact = self.exact_sampler and self.policy_parameters[0].dtype == torch.float32
        tolerance = self.options.ratio_tolerance * (1 if exact else 100)
        if float(gap.max()) > tolerance:
            share = float((gap > tolerance).float().mean())
            raise self._broken(
                part,
                f"{share:.0%} of the sampled log-probabilities differ from the policy's own by up to "
                f"{float(gap.max()):.2g} before any step; likely causes: another temperature than "
                f"{self.options.temperature:g}, top-p or top-k sampling, dropout, rollouts of older weights, "
                "prompt ids that were tokenised again, logits that the model rescales after its output layer",
            )

    def _broken(self, batch: TokenBatch, what: str) -> TrainingError:
        """An error that says where training stopped, after saving the batch that stopped it."""
        saved = ""
        if self.folder is not None:
            path = self.folder / f"broken_batch_{self.iteration}.safetensors"
            save_tensors(path, batch.tensors)
            saved = f" The batch is saved in {path}."
        return TrainingError(f"Training stopped in iteration {self.iteration}: {what}.{saved}")

    # -- state --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """All that the next update depends on, as named tensors (reference weights left out: they never change).

        With a sharded model every process must ask.
        """
        return trainer_state.tensors_of(self)

    @torch.no_grad()
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Go on from a state; the reference is not touched."""
        trainer_state.restore(self, tensors)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that a tensor did not fit into the memory of its device."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


WARMUP_STEPS = 50
"""Optimiser steps of the value head per warm-up iteration; they cost one matrix product each."""


def _spread(values: Tensor, action: Tensor) -> Tensor:
    """[batch, time] with the flat values at the actions and 0 elsewhere."""
    return torch.zeros(action.shape, dtype=values.dtype, device=values.device).masked_scatter(action, values)
