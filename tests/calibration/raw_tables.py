"""Small random world tables, written in the formats of the sources."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np

COUNTRIES = ("CHN", "JPN", "ROW")
SECTORS = ("c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8")
CATEGORIES = ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN")


def world(seed=0, countries=COUNTRIES, sectors=SECTORS, categories=5):
    """Z (ik,nj), F (ik,n*categories), x (ik,): whole million USD, home cells large, inventories sometimes negative."""
    rng = np.random.default_rng(seed)
    n, k = len(countries), len(sectors)
    flows = rng.integers(200, 9000, (n, k, n, k)).astype(float)
    flows *= np.where(np.eye(n), 20, 1)[:, None, :, None]
    final = rng.integers(500, 90000, (n, k, n, categories)).astype(float)
    final *= np.where(np.eye(n), 20, 1)[:, None, :, None]
    final[..., -1] = rng.integers(-300, 200, (n, k, n))
    size = n * k
    flows, final = flows.reshape(size, size), final.reshape(size, n * categories)
    # Enough value added everywhere: purchases of no industry exceed two thirds of its sales.
    output = flows.sum(1) + final.sum(1)
    flows = np.floor(flows * np.minimum(1.0, 0.6 * output / flows.sum(0))[None, :])
    return flows, final, flows.sum(1) + final.sum(1)


def labels(countries=COUNTRIES, sectors=SECTORS):
    return [(country, sector) for country in countries for sector in sectors]


def final_labels(countries=COUNTRIES, categories=CATEGORIES):
    return [(country, category) for country in countries for category in categories]


def write_npz(path: Path, flows, final, output, countries=COUNTRIES, sectors=SECTORS):
    np.savez(path, Z=flows, F=final, x=output, countries=np.array(countries), sectors=np.array(sectors))


def write_wiod2016_csv(path: Path, flows, final, output, year=2009):
    header = ["IndustryCode", "IndustryDescription", "Country", "RNr", "Year"]
    header += [f"{c}{s[1:]}" for c, s in labels()]
    header += [f"{c}{57 + p}" for c in COUNTRIES for p in range(5)] + ["TOT"]
    rows = [header]
    for p, (country, sector) in enumerate(labels()):
        cells = [f"A{sector[1:]}", f"Industry, number {sector}", country, sector[1:], year]
        rows.append([*cells, *flows[p], *final[p], output[p]])
    rows.append(["II_fob", "Total", "TOT", 65, year, *flows.sum(0), *final.sum(0), output.sum()])
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def write_icio(path: Path, flows, final, output):
    names = [f"{c}_{s}" for c, s in labels()]
    finals = [f"{c}_{k}" for c in COUNTRIES for k in ("HFCE", "NPISH", "GGFC", "GFCF", "INVNT")]
    rows = [["V1", *names, *finals, "OUT"]]
    rows += [[name, *flows[p], *final[p], output[p]] for p, name in enumerate(names)]
    rows.append(["TLS", *np.zeros(len(names) + len(finals) + 1)])
    rows.append(["VA", *(output - flows.sum(0)), *np.zeros(len(finals) + 1)])
    rows.append(["OUT", *output, *np.zeros(len(finals) + 1)])
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def write_figaro(path: Path, flows, final, output):
    names = [f"{c}_{s}" for c, s in labels()]
    finals = [f"{c}_{k}" for c in COUNTRIES for k in ("P3_S13", "P3_S14", "P3_S15", "P51G", "P5M")]
    rows = [["rowLabels", *names, *finals]]
    rows += [[name, *flows[p], *final[p]] for p, name in enumerate(names)]
    rows.append(["W2_D21X31", *np.zeros(len(names) + len(finals))])
    rows.append(["W2_B2A3G", *(output - flows.sum(0)), *np.zeros(len(finals))])
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def exiobase_texts(flows, final):
    def text(columns, values):
        lines = ["\t".join(["region", "", *(c for c, _ in columns)])]
        lines.append("\t".join(["sector", "", *(s for _, s in columns)]))
        lines += [
            "\t".join([*label, *(repr(float(v)) for v in row)])
            for label, row in zip(labels(), values, strict=True)
        ]
        return "\n".join(lines) + "\n"

    return {"Z.txt": text(labels(), flows), "Y.txt": text(final_labels(), final)}


def write_exiobase(path: Path, flows, final):
    texts = exiobase_texts(flows, final)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in texts.items():
                archive.writestr(f"IOT_2009_ixi/{name}", text)
    else:
        path.mkdir()
        for name, text in texts.items():
            (path / name).write_text(text)


def write_eora(path: Path, flows, final, discrepancy=0.0):
    """Thousand USD, with the row and column ROW TOTAL of discrepancies last."""
    path.mkdir()

    def matrix(values):
        return "\n".join("\t".join(repr(1e3 * float(v)) for v in row) for row in values) + "\n"

    size = len(flows)
    all_flows = np.zeros((size + 1, size + 1))
    all_flows[:size, :size] = flows
    all_flows[-1, 0] = discrepancy
    all_final = np.zeros((size + 1, final.shape[1] + 1))
    all_final[:size, :-1] = final
    (path / "Eora26_2009_bp_T.txt").write_text(matrix(all_flows))
    (path / "Eora26_2009_bp_FD.txt").write_text(matrix(all_final))
    rows = [f"Country\t{'RST' if c == 'ROW' else c}\tIndustries\t{s}\t" for c, s in labels()]
    columns = [f"Country\t{'RST' if c == 'ROW' else c}\tFinal demand\t{k}\t" for c, k in final_labels()]
    (path / "labels_T.txt").write_text("\n".join([*rows, "Rest\tROW\tTOTAL\tTOTAL\t"]) + "\n")
    (path / "labels_FD.txt").write_text("\n".join([*columns, "Rest\tROW\tFinal demand\tTOTAL\t"]) + "\n")


def write_wiod_excel(path: Path, flows, final, output, year=2009):
    """The layout of both WIOD releases: six header rows, four label columns."""
    import openpyxl

    sheet = (book := openpyxl.Workbook()).active
    columns = [(c, s) for c, s in labels()] + [(c, f"c{37 + p}") for c in COUNTRIES for p in range(5)]
    sheet.append([f"World input-output table, {year}"])
    sheet.append([])
    sheet.append(["", "", "", "", *(f"code {s}" for _, s in columns), ""])
    sheet.append(["", "", "", "", *(f"name {s}" for _, s in columns), ""])
    sheet.append(["(millions of US$)", "", "", "", *(c for c, _ in columns), "TOT"])
    sheet.append(["", "", "", "", *(s for _, s in columns), "c60"])
    for p, (country, sector) in enumerate(labels()):
        sheet.append([f"A{p}", f"name {sector}", country, f"r{sector[1:]}", *flows[p], *final[p], output[p]])
    sheet.append(["", "Total", "TOT", "r60", *flows.sum(0), *final.sum(0), output.sum()])
    book.save(path)
