"""Makes the reference figures in references.json.

    python3 -m venv venv && venv/bin/pip install statsmodels==0.15.0 mpmath==1.4.1
    venv/bin/python references.py

`exact` is computed here from the normal equations with 120 decimal digits (mpmath); `statsmodels` is what that
package says. longley.csv and filip.csv are Statistical Reference Datasets of NIST (J. Longley 1967; A. Filippelli),
public domain; synthetic.csv is made here; pn2012.csv is a sample of the project.
"""

import csv
import json
import pathlib
import random

import mpmath as mp
import numpy as np
import statsmodels.api as sm

mp.mp.dps = 120
HERE = pathlib.Path(__file__).parent
SAMPLES = HERE / "../../../../samples/tables"


def make_synthetic():
    """23 predictors of several kinds and scales, 80 rows, some of them correlated."""
    draw = random.Random(2026)
    names = [f"x{i}" for i in range(23)] + ["y"]
    rows = []
    for _ in range(80):
        base = draw.gauss(0, 1)
        row = []
        for i in range(23):
            if i % 3 == 0:
                row.append(str(int(draw.random() < 0.3)))
            elif i % 3 == 1:
                row.append(f"{50 + 10 * base + draw.gauss(0, 3 + i):.{i % 4}f}")
            else:
                row.append(f"{draw.gauss(0, 0.001 * 10 ** (i % 5)):.{3 + i % 3}f}")
        y = 3 + 0.5 * float(row[1]) - 2 * float(row[0]) + draw.gauss(0, 2)
        rows.append(row + [f"{y:.2f}"])
    with open(HERE / "synthetic.csv", "w", newline="\n") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def table(path, wanted, powers=None):
    """The complete rows of the wanted columns, as decimal texts; `ICU=CCU` is an indicator."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    read = []
    for row in rows:
        cells = []
        for name in wanted:
            if "=" in name:
                column, level = name.split("=")
                cells.append(str(int(row[column] == level)) if row[column] else "")
            elif "^" in name:
                column, power = name.split("^")
                cells.append(mp.mpf(row[column]) ** int(power))
            else:
                cells.append(row[name])
        if "" not in cells:
            read.append([mp.mpf(cell) for cell in cells])
    return read


def group(path, wanted, column, value):
    """The complete rows of one group."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    kept = HERE / "group.csv"
    with open(kept, "w", newline="\n") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if row[column] == value)
    read = table(kept, wanted)
    kept.unlink()
    return read


def exact(rows, ridge=0, standardised=False):
    """Least squares of the last column on the others, by the normal equations of the centred columns."""
    n, p = len(rows), len(rows[0]) - 1
    means = [mp.fsum(row[j] for row in rows) / n for j in range(p + 1)]
    centred = mp.matrix([[row[j] - means[j] for j in range(p + 1)] for row in rows])
    gram = centred.T * centred
    s, a, total = gram[:p, :p], gram[:p, p], gram[p, p]
    w = s.copy()
    for j in range(p):
        w[j, j] += mp.mpf(ridge) * (s[j, j] / n if standardised else 1)
    inverse = w ** -1
    beta = inverse * a
    residual = total - 2 * (beta.T * a)[0] + (beta.T * s * beta)[0]
    degrees = mp.fsum((s * inverse)[j, j] for j in range(p))
    variance = residual / (n - 1 - degrees)
    spread = inverse * s * inverse
    mean = mp.matrix(means[:p])
    intercept = means[p] - (mean.T * beta)[0]
    errors = [mp.sqrt(variance * (mp.mpf(1) / n + (mean.T * spread * mean)[0]))]
    errors += [mp.sqrt(variance * spread[j, j]) for j in range(p)]
    return {
        "rows": n,
        "coefficients": [float(b) for b in [intercept, *beta]],
        "standard_errors": [float(e) for e in errors],
        "r_squared": float(1 - residual / total),
        "residual_sum_of_squares": float(residual),
        "model_degrees": float(degrees),
        "means": [float(m) for m in means],
        "deviations": [float(mp.sqrt(gram[j, j] / (n - 1))) for j in range(p + 1)],
        "correlations_with_last": [float(gram[j, p] / mp.sqrt(gram[j, j] * total)) for j in range(p)],
    }


def statsmodels(rows):
    data = np.array([[float(cell) for cell in row] for row in rows])
    fit = sm.OLS(data[:, -1], sm.add_constant(data[:, :-1])).fit()
    return {
        "coefficients": list(fit.params),
        "standard_errors": list(fit.bse),
        "t": list(fit.tvalues),
        "p": list(fit.pvalues),
        "intervals": [list(pair) for pair in fit.conf_int(0.05)],
        "r_squared": fit.rsquared,
        "adjusted_r_squared": fit.rsquared_adj,
        "f": fit.fvalue,
        "f_p": fit.f_pvalue,
        "residual_standard_error": float(np.sqrt(fit.scale)),
        "residual_degrees": fit.df_resid,
    }


def statsmodels_ridge(rows, ridge):
    data = np.array([[float(cell) for cell in row] for row in rows])
    alpha = np.full(data.shape[1], ridge / len(rows))
    alpha[0] = 0
    fit = sm.OLS(data[:, -1], sm.add_constant(data[:, :-1])).fit_regularized(alpha=alpha, L1_wt=0)
    return {"coefficients": list(fit.params)}


def tails():
    """Student and Fisher tails with 120 digits."""
    def student(t, v):
        return mp.betainc(mp.mpf(v) / 2, mp.mpf(1) / 2, 0, mp.mpf(v) / (v + mp.mpf(t) ** 2), regularized=True)

    def fisher(f, a, b):
        x = mp.mpf(b) / (b + a * mp.mpf(f))
        return mp.betainc(mp.mpf(b) / 2, mp.mpf(a) / 2, 0, x, regularized=True)

    t = [(t, v) for v in (1, 2.5, 9, 30, 300, 5708, 99999) for t in (1e-3, 0.3, 1.96, 7.5, 30)]
    f = [(f, a, b) for a, b in ((1, 9), (6, 9), (24, 55), (24, 5709), (7, 99991), (3.5, 20.25))
         for f in (0.01, 0.9, 2.5, 40, 330)]
    return {
        "student": [{"t": a, "degrees": b, "p": str(mp.nstr(student(a, b), 17))} for a, b in t],
        "fisher": [{"f": a, "of": b, "over": c, "p": str(mp.nstr(fisher(a, b, c), 17))} for a, b, c in f],
    }


def case(name, path, columns, ridge=None, standardised=False, peer=True):
    rows = table(path, columns)
    made = {"name": name, "file": path.name, "columns": columns, "ridge": ridge, "standardised": standardised}
    made["exact"] = exact(rows, ridge or 0, standardised)
    if peer and ridge is None:
        made["statsmodels"] = statsmodels(rows)
    elif peer and not standardised:
        made["statsmodels"] = statsmodels_ridge(rows, ridge)
    return made


def main():
    make_synthetic()
    longley = ["GNPDEFL", "GNP", "UNEMP", "ARMED", "POP", "YEAR", "TOTEMP"]
    stays = ["Age", "SysABP", "Height", "Weight", "MechVent", "ICU=CSRU", "ICU=MICU", "ICU=SICU", "LOS"]
    synthetic = [f"x{i}" for i in range(23)] + ["y"]
    cases = [
        case("longley", HERE / "longley.csv", longley),
        case("longley ridge", HERE / "longley.csv", longley, ridge=0.5),
        case("longley standardised ridge", HERE / "longley.csv", longley, ridge=0.5, standardised=True),
        case("filip", HERE / "filip.csv", [f"x^{i}" for i in range(1, 11)] + ["y"], peer=False),
        case("synthetic", HERE / "synthetic.csv", synthetic),
        case("synthetic ridge", HERE / "synthetic.csv", synthetic, ridge=3.25),
        case("stays", SAMPLES / "pn2012.csv", stays),
        case("stays standardised ridge", SAMPLES / "pn2012.csv", stays, ridge=20, standardised=True),
    ]
    groups = []
    for value in ["0", "1"]:
        rows = group(SAMPLES / "pn2012.csv", stays, "death", value)
        groups.append({"column": "death", "value": value, "exact": exact(rows), "statsmodels": statsmodels(rows)})
    with open(HERE / "references.json", "w") as file:
        json.dump({"cases": cases, "groups": groups, "tails": tails()}, file, indent=1)
        file.write("\n")


main()
