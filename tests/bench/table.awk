# What tests/bench/run found, as tables. Reads the list of workloads, "list" before each row, and
# then "BY WORKLOAD TIMES LABEL UNIT VALUE", a line for each value.
#
# A workload that peers do, too, has a table of its own: for each figure the median, of the first
# one also minimum and maximum, and the ratio to the best peer: the median of the ratios of each round,
# for a round's rows meet the same machine, and two rounds may not. Ours are in it in every shape,
# few_fiber and few_stackless beside a peer's few. The others share one table.

function shape(workload)
{
    return match(workload, /_(fiber|stackless|run(_stackless|_curt)?)$/) ? substr(workload, RSTART + 1) : ""
}

# What is compared. How many sleep is part of the work; else a slow peer just does it less often.
function group_of(workload, times)
{
    sub(/_(fiber|stackless|run(_stackless|_curt)?)$/, "", workload)
    return workload == "sleepers" ? workload " " times : workload
}

function ours(by) { return by == "trale" }

function is_peer(by) { return !ours(by) && by != "raw" && by != "asio-post" }

function sort(cell, i, j, x)
{
    for (i = 2; i <= n[cell]; i++) {
        x = value[cell, i]
        for (j = i - 1; j > 0 && value[cell, j] + 0 > x + 0; j--)
            value[cell, j + 1] = value[cell, j]
        value[cell, j + 1] = x
    }
}

function median(cell)
{
    return (value[cell, int((n[cell] + 1) / 2)] + value[cell, int((n[cell] + 2) / 2)]) / 2
}

function digits(x) { return sprintf(x < 1000 ? "%.2f" : "%.0f", x) }

function better(a, b, figure) { return figure ~ /^rate / ? a > b : a < b }

$1 == "list" {
    for (i = 0; i < 2; i++)
        aim[$2, $4, $(5 + i)] = NF > 6 ? $7 " " $8 " " $9 : ""
    next
}

{
    group = group_of($2, $3)
    row = $1 SUBSEP $2 SUBSEP $3
    figure = $4 " " $5
    if (!(group in groups)) {
        groups[group] = ++group_count
        name[group_count] = group
    }
    if (!(row in rows)) {
        rows[row]
        member[group, ++members[group]] = row
        if (is_peer($1))
            peers[group]++
    }
    if (!((group, figure) in figures)) {
        figures[group, figure]
        label[group, ++labels[group]] = figure
    }
    value[row, figure, ++n[row, figure]] = $6
    in_round[row, figure, n[row, figure]] = $6
}

function who(row, part)
{
    split(row, part, SUBSEP)
    return part[1] (shape(part[2]) == "" ? "" : " " shape(part[2]))
}

# The peer's row with the best median of a figure; "": there is none.
function best_peer(group, figure, i, part, x, result, found)
{
    found = ""
    for (i = 1; i <= members[group]; i++) {
        split(member[group, i], part, SUBSEP)
        if (!is_peer(part[1]) || !((member[group, i], figure) in n))
            continue
        x = median(member[group, i] SUBSEP figure)
        if (found == "" || better(x, result, figure)) {
            found = member[group, i]
            result = x
        }
    }
    return found
}

function print_alone(g, group, i, f, row, cell, part, figure)
{
    for (i = 1; i <= members[group]; i++) {
        row = member[group, i]
        split(row, part, SUBSEP)
        for (f = 1; f <= labels[group]; f++) {
            split(label[group, f], figure, " ")
            cell = row SUBSEP label[group, f]
            if (!(cell in n))
                continue
            if (!alone++) {
                printf alone_line, "workload", "times", "by", "figure", "median", "min", "max",
                    "unit", "aim"
                printf alone_line, "---", "---:", "---", "---", "---:", "---:", "---:", "---",
                    "---"
            }
            printf alone_line, part[2], part[3], part[1], figure[1], digits(median(cell)),
                digits(value[cell, 1]), digits(value[cell, n[cell]]), figure[2],
                f == 1 ? aim[row] : ""
        }
    }
}

# Of one row's figure to another's, round by round; -1: there is none.
function ratio(row, to, figure, i, x)
{
    n["ratio"] = 0
    for (i = 1; i <= n[row, figure] && i <= n[to, figure]; i++) {
        x = in_round[to, figure, i]
        if (x > 0)
            value["ratio", ++n["ratio"]] = in_round[row, figure, i] / x
    }
    sort("ratio")
    return n["ratio"] > 0 ? median("ratio") : -1
}

function show(x) { return x < 0 ? "-" : sprintf("%.2f", x) }

function print_head(group, f, line, under)
{
    line = sprintf("| %-18s | %8s |", "by", "times")
    under = sprintf("| %-18s | %8s |", "---", "---:")
    for (f = 1; f <= labels[group]; f++) {
        line = line sprintf(" %9s |", label[group, f])
        under = under sprintf(" %9s |", "---:")
        if (f == 1) {
            line = line sprintf(" %9s | %9s |", "min", "max")
            under = under sprintf(" %9s | %9s |", "---:", "---:")
        }
        line = line " ratio |"
        under = under "  ---: |"
    }
    print line " aim        |"
    print under " ---        |"
}

function print_compared(group, i, f, row, cell, part)
{
    printf "\n### %s\n\n", group
    print_head(group)
    for (f = 1; f <= labels[group]; f++)
        champion_of[f] = best_peer(group, label[group, f])
    for (i = 1; i <= members[group]; i++) {
        row = member[group, i]
        split(row, part, SUBSEP)
        printf "| %-18s | %8s |", who(row), part[3]
        for (f = 1; f <= labels[group]; f++) {
            cell = row SUBSEP label[group, f]
            if (!(cell in n)) {
                printf " %9s |%s %5s |", "-", f == 1 ? "         - |         - |" : "", "-"
                continue
            }
            printf " %9s |", digits(median(cell))
            if (f == 1)
                printf " %9s | %9s |", digits(value[cell, 1]), digits(value[cell, n[cell]])
            printf " %5s |", show(ratio(row, champion_of[f], label[group, f]))
        }
        printf " %-10s |\n", aim[row]
    }
}

# That row of ours whose ratio to a peer's is best; "": there is none.
function best_of_ours(peer, group, figure, i, part, x, result, found)
{
    found = ""
    for (i = 1; i <= members[group]; i++) {
        split(member[group, i], part, SUBSEP)
        if (!ours(part[1]) || (x = ratio(member[group, i], peer, figure)) < 0)
            continue
        if (found == "" || better(x, result, figure)) {
            found = member[group, i]
            result = x
        }
    }
    return found
}

# Where the first figure or the CPU time of the best of ours is worse than that of the best peer.
function print_behind(group, f, figure, mine, peer, x)
{
    for (f = 1; f <= labels[group]; f++) {
        figure = label[group, f]
        if (f > 1 && figure !~ /^cpu /)
            continue
        peer = best_peer(group, figure)
        mine = peer == "" ? "" : best_of_ours(peer, group, figure)
        x = mine == "" ? 1 : ratio(mine, peer, figure)
        if (!better(1, x, figure))
            continue
        if (!behind++)
            print "\nBehind the best peer:\n"
        printf "- %s, %s: %s %s, %s %s (%s)\n", group, figure, who(mine),
            digits(median(mine SUBSEP figure)), who(peer), digits(median(peer SUBSEP figure)), show(x)
    }
}

END {
    alone_line = "| %-18s | %8s | %-6s | %-11s | %9s | %9s | %9s | %-4s | %-10s |\n"
    for (cell in n)
        sort(cell)
    for (g = 1; g <= group_count; g++)
        if (!peers[name[g]])
            print_alone(g, name[g])
    for (g = 1; g <= group_count; g++)
        if (peers[name[g]])
            print_compared(name[g])
    for (g = 1; g <= group_count; g++)
        if (peers[name[g]])
            print_behind(name[g])
}
