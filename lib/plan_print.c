// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plan for people: what would be done, in order.
 */
#include <arpa/inet.h>

#include "lib/io.h"
#include "lib/plan.h"
#include "lib/syscalls.h"
#include "lib/util.h"

static void print_dirs(FILE *out, unsigned int dirs)
{
	fputs(dirs == 3 ? "both" : plan_dir_names[dirs >> 1], out);
}

static void print_duration(FILE *out, const char *before, uint64_t ns)
{
	char buf[32];

	json_format_duration(ns, buf, sizeof(buf));
	fprintf(out, "%s%s", before, buf);
}

static void print_percent(FILE *out, uint32_t threshold)
{
	fprintf(out, "%.6g %%", threshold == FW_ALWAYS ? 100.0 : (double)threshold / 4294967296.0 * 100);
}

static void print_prefixes(FILE *out, const char *before, const struct fault_prefix *p, size_t n)
{
	char buf[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n; i++) {
		bool v4 = p[i].len >= 96 && !memcmp(p[i].addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

		inet_ntop(v4 ? AF_INET : AF_INET6, p[i].addr + (v4 ? 12 : 0), buf, sizeof(buf));
		fprintf(out, "%s%s/%d", i ? ", " : before, buf, p[i].len - (v4 ? 96 : 0));
	}
}

static void print_ports(FILE *out, const char *before, const struct fault_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s%d", i ? "," : before, ranges[i].first);
		if (ranges[i].last != ranges[i].first)
			fprintf(out, "-%d", ranges[i].last);
	}
}

static void print_target(FILE *out, const struct plan_rule *r)
{
	static const char *const protocols[] = { "", " tcp", " udp", " sctp", " icmp" };
	const struct fault_target *t = &r->target;

	fputs(t->n_cidrs || t->n_hosts || t->n_ports || t->n_source_ports || t->protocol ? "" : " all traffic", out);
	fputs(protocols[t->protocol], out);
	print_prefixes(out, " ", t->cidrs, t->n_cidrs);
	for (size_t i = 0; i < t->n_hosts; i++)
		fprintf(out, "%s%s", i ? ", " : t->n_cidrs ? " or hosts " : " hosts ", t->hosts[i].name);
	print_prefixes(out, " seeded with ", t->seeds, t->n_seeds);
	print_ports(out, " port ", t->ports, t->n_ports);
	print_ports(out, " source port ", t->source_ports, t->n_source_ports);
	print_prefixes(out, " except ", t->except, t->n_except);
	fputs(r->include_node ? ", the node included" : "", out);
}

static void print_calendar(FILE *out, const struct fw_rule *r, const struct calendar *c)
{
	print_duration(out, ", for ", r->on_ns);
	fprintf(out, " after each firing of '%s' (%s)", c->text, c->zone);
	if (r->start_ns)
		print_duration(out, ", not before ", r->start_ns);
}

static void print_window(FILE *out, const struct fw_rule *r)
{
	print_duration(out, ", from ", r->start_ns);
	if (r->on_ns)
		print_duration(out, " for ", r->on_ns);
	if (r->period_ns)
		print_duration(out, " of every ", r->period_ns);
	fputs(r->flags & FW_RULE_WALL ? " by the clock" : "", out);
}

static void print_when(FILE *out, const struct fw_rule *r)
{
	if (r->when_first == 1 && r->when_last == UINT64_MAX && r->when_step == 1)
		return;
	fprintf(out, ", when %llu", r->when_first);
	if (r->when_last != UINT64_MAX && r->when_step)
		fprintf(out, "..%llu", r->when_last);
	if (r->when_step)
		fprintf(out, "+%llu", r->when_step);
}

static void print_delay(FILE *out, const struct fw_rule *r)
{
	static const char *const curves[FW_CURVES] = { "", " normal", " pareto", " paretonormal" };

	print_duration(out, "delay ", r->delay.latency_ns);
	if (r->delay.jitter_ns)
		print_duration(out, " +-", r->delay.jitter_ns);
	fputs(curves[r->delay.curve & (FW_CURVES - 1)], out);
	fputs(r->flags & FW_RULE_PROCESS ? ", correlated" : "", out);
	fputs(r->flags & FW_RULE_PER_WINDOW ? ", drawn once a window" : "", out);
	fputs(r->flags & FW_RULE_REORDER ? ", some sent at once" : "", out);
}

static void print_rate(FILE *out, const struct fw_rule *r)
{
	char buf[32];

	json_format_rate(r->rate.cost_q16 ? (8 * NSEC_PER_SEC << 16) / r->rate.cost_q16 : 0, buf, sizeof(buf));
	fprintf(out, "rate %s", buf);
}

static void print_dns(FILE *out, const struct plan_rule *r)
{
	static const char *const answers[16] = { [0] = "no answer", [2] = "SERVFAIL", [3] = "NXDOMAIN", [5] = "REFUSED" };
	const char *answer = answers[r->rule.params[0] & 15];

	fprintf(out, "dns queries for %s%s%s: %s", r->dns, *r->dns_types ? " of type " : "", r->dns_types,
		answer ? answer : "an error");
}

static void print_http(FILE *out, const struct fault_http *http)
{
	if (http->code)
		fprintf(out, "status %u for ", http->code);
	else
		fputs("reset for ", out);
	fprintf(out, "%s%s%s", http->method, http->method[0] ? " " : "HTTP ", http->path);
}

static void print_rule(FILE *out, const struct plan_rule *r)
{
	static const char *const ops[FW_OPS] = {
		[FW_OP_NONE] = "nothing",
		[FW_OP_DROP] = "drop",
		[FW_OP_CORRUPT_LEAF] = "corrupt in the netem leaf",
		[FW_OP_CORRUPT_INVALID] = "corrupt, checksum wrong",
		[FW_OP_CORRUPT_VALID] = "corrupt, checksum right",
		[FW_OP_DUPLICATE] = "duplicate",
		[FW_OP_LEAF] = "shape in leaf",
		[FW_OP_RESET] = "answer with RST",
	};

	fprintf(out, "     %-16s ", r->name);
	print_dirs(out, r->dirs);
	fputs(": ", out);
	if (r->rule.op == FW_OP_DELAY)
		print_delay(out, &r->rule);
	else if (r->rule.op == FW_OP_RATE)
		print_rate(out, &r->rule);
	else if (r->rule.op == FW_OP_DNS)
		print_dns(out, r);
	else if (r->rule.op == FW_OP_HTTP)
		print_http(out, &r->http);
	else
		fputs(ops[r->rule.op], out);
	if (r->rule.op == FW_OP_LEAF)
		fprintf(out, " %u", 2 * r->rule.leaf);
	fputs(", ", out);
	print_percent(out, r->rule.probability);
	fputs(r->rule.flags & FW_RULE_CHAIN ? " by a chain, of" : r->rule.op == FW_OP_HTTP ? " of requests," : " of", out);
	print_target(out, r);
	if (r->first_connections)
		fprintf(out, ", the first %u connection%s", r->first_connections, r->first_connections == 1 ? "" : "s");
	if (r->calendar)
		print_calendar(out, &r->rule, r->calendar);
	else
		print_window(out, &r->rule);
	print_when(out, &r->rule);
	fputs(r->armed ? "\n" : ", not armed\n", out);
}

static void print_netem(FILE *out, const struct plan_netem *n)
{
	fputs(" netem", out);
	if (n->latency_ns)
		print_duration(out, " delay ", n->latency_ns);
	if (n->jitter_ns)
		print_duration(out, " +-", n->jitter_ns);
	if (n->reorder_ppm)
		fprintf(out, " reorder %g %%", n->reorder_ppm / 1e4);
	if (n->has_slot)
		print_duration(out, " slot ", n->slot.min_ns);
	if (n->corrupt_ppm)
		fprintf(out, " corrupt %g %%", n->corrupt_ppm / 1e4);
	fprintf(out, " limit %u", n->limit);
}

static void print_leaf(FILE *out, const struct plan_leaf *leaf)
{
	char rate[32];

	fprintf(out, "leaf %u %s:", leaf->minor, plan_dir_names[leaf->dir]);
	if (leaf->has_netem)
		print_netem(out, &leaf->netem);
	if (leaf->has_tbf) {
		json_format_rate(leaf->tbf.rate_bits, rate, sizeof(rate));
		fprintf(out, " tbf rate %s limit %u bytes", rate, leaf->tbf.limit_bytes);
	}
	fputs(leaf->has_fq ? " fq, by departure time\n" : "\n", out);
}

static void print_rules_op(FILE *out, const struct plan_op *op)
{
	fprintf(out, "%zu rule%s into the node's programs\n", op->rules.n_rules, op->rules.n_rules == 1 ? "" : "s");
	for (size_t i = 0; i < op->rules.n_rules; i++)
		print_rule(out, &op->rules.rules[i]);
}

static void print_syscall_acts(FILE *out, const struct fault_syscall *s)
{
	char buf[16];
	const char *comma = "";

	if (s->enter_ns || s->exit_ns) {
		print_duration(out, "delay ", s->enter_ns + s->exit_ns);
		comma = ", ";
	}
	if (s->error)
		fprintf(out, "%s%s", comma, syscalls_errno_name(s->error, buf, sizeof(buf)));
	else if (s->has_retval)
		fprintf(out, "%sreturn %lld", comma, (long long)s->retval);
	comma = s->error || s->has_retval ? ", " : comma;
	if (s->signal)
		fprintf(out, "%s%s", comma, syscalls_signal_name(s->signal, buf, sizeof(buf)));
}

/* What every rule in a container ends with. */
static void print_gate(FILE *out, const struct plan_common *c, const char *of, bool windows)
{
	fputs(", ", out);
	print_percent(out, c->rule.probability);
	fputs(of, out);
	if (c->calendar)
		print_calendar(out, &c->rule, c->calendar);
	else if (windows)
		print_window(out, &c->rule);
	print_when(out, &c->rule);
	fputs(c->armed ? "\n" : ", not armed\n", out);
}

static void print_containers(FILE *out, const char *containers)
{
	if (containers)
		fprintf(out, " in %.*s", (int)strlen(containers) - 1, containers);
}

static void print_io_acts(FILE *out, const struct fault_io *io)
{
	char buf[16];

	if (io->error)
		fputs(syscalls_errno_name(io->error, buf, sizeof(buf)), out);
	else if (io->delay_ns)
		print_duration(out, "delay ", io->delay_ns);
	else
		fprintf(out, "up to %u times %u bytes of what is read %s", io->max_occurrences, io->max_length,
			io->filling == IO_ZERO ? "zero" : "drawn");
}

static void print_io(FILE *out, const struct plan_common *c, const struct fault_io *io)
{
	fprintf(out, "     %-16s ", c->name);
	io_print(out, io);
	print_containers(out, c->containers);
	fputs(": ", out);
	print_io_acts(out, io);
	print_gate(out, c, " of calls", true);
}

static void print_files_op(FILE *out, const struct plan_op *op)
{
	fprintf(out, "%zu rule%s for the node's programs at the file hooks, from the container's own program on\n",
		op->files.n_rules, op->files.n_rules == 1 ? "" : "s");
	for (size_t i = 0; i < op->files.n_rules; i++)
		print_io(out, &op->files.rules[i].common, &op->files.rules[i].io);
}

static void print_syscall(FILE *out, const struct plan_syscall *r)
{
	int names = (int)strlen(r->syscall.names) - 1;

	if (r->is_io) {
		print_io(out, &r->common, &r->io);
		return;
	}
	fprintf(out, "     %-16s %.*s", r->common.name, names, r->syscall.names);
	fprintf(out, "%s%s", r->syscall.path ? " on " : "", r->syscall.path ? r->syscall.path : "");
	print_containers(out, r->common.containers);
	fputs(": ", out);
	print_syscall_acts(out, &r->syscall);
	print_gate(out, &r->common, r->syscall.per_thread ? " of each thread's calls" : " of calls", true);
}

static void print_syscalls_op(FILE *out, const struct plan_op *op)
{
	fprintf(out, "%zu rule%s for the container's supervisor, from the program's first call on\n", op->syscalls.n_rules,
		op->syscalls.n_rules == 1 ? "" : "s");
	for (size_t i = 0; i < op->syscalls.n_rules; i++)
		print_syscall(out, &op->syscalls.rules[i]);
}

static void print_act(FILE *out, const struct plan_act *r)
{
	char text[PLAN_ACT_TEXT_MAX];

	plan_act_text(r, text);
	fprintf(out, "     %-16s %s", r->common.name, text);
	print_containers(out, r->common.containers);
	print_gate(out, &r->common, r->type == ACT_EXIT ? " of starts" : " of windows", r->type != ACT_EXIT);
}

static void print_acts_op(FILE *out, const struct plan_op *op)
{
	fprintf(out, "%zu act%s of the container's supervisor, once its program has begun\n", op->acts.n_rules,
		op->acts.n_rules == 1 ? "" : "s");
	for (size_t i = 0; i < op->acts.n_rules; i++)
		print_act(out, &op->acts.rules[i]);
}

static void print_attach(FILE *out, const struct plan_op *op)
{
	fputs("attach the programs, ", out);
	print_dirs(out, op->attach.dirs);
	fputs(op->attach.ifb ? ", and the way to the ifb\n" : "\n", out);
}

void plan_print(const struct plan *plan, FILE *out)
{
	static const char *const fixed[PLAN_OP_TYPES] = {
		[PLAN_OFFLOAD] = "checksum offload off\n",
		[PLAN_SEGMENTS] = "segmentation offload off: every packet is a wire segment\n",
		[PLAN_IFB] = "an ifb for the way in\n",
	};

	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		fprintf(out, "%3zu. ", i + 1);
		if (op->type == PLAN_RULES)
			print_rules_op(out, op);
		else if (op->type == PLAN_ROOT)
			fprintf(out, "root qdisc htb, %s\n", plan_dir_names[op->root]);
		else if (op->type == PLAN_LEAF)
			print_leaf(out, &op->leaf);
		else if (op->type == PLAN_ATTACH)
			print_attach(out, op);
		else if (op->type == PLAN_FILES)
			print_files_op(out, op);
		else if (op->type == PLAN_SYSCALLS)
			print_syscalls_op(out, op);
		else if (op->type == PLAN_ACTS)
			print_acts_op(out, op);
		else
			fputs(fixed[op->type], out);
	}
	for (size_t i = 0; i < plan->n_notes; i++)
		fprintf(out, "note: %s\n", plan->notes[i]);
}
