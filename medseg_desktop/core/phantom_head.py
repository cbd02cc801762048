"""The anatomy of the phantom: tissues of one slice of a head, as a low-field FLAIR shows them.

Brightness is relative to white matter (1.0).  Lengths are mm in head coordinates: x to the
left, y to the back, z to the top; the origin lies between the lateral ventricles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medseg_desktop.core.phantom_fields import Body, Draw, Field, Plane, ellipsoid, sample

_FLUID = 0.12
_BONE = 0.10


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What differs from one head to the next.

    Attributes:
        ventricle_scale: 1 for young, up to 1.7 for old brains.
        sulcus_mm: half width of a sulcus at the surface.
        scalp_mm: thickness of scalp.
        grey, fat, muscle: brightness of grey matter, scalp fat and muscle.
        cap: brightness added beside the ventricle horns (a normal finding).
    """

    ventricle_scale: float
    sulcus_mm: float
    scalp_mm: float
    grey: float
    fat: float
    muscle: float
    cap: float


@dataclass(frozen=True, slots=True)
class Textures:
    """Noise planes of one slice: wide (about 30 mm), fold (bands), fine (about 5 mm)."""

    wide: Field
    fold: Field
    fine: Field


@dataclass(frozen=True, slots=True)
class Tissue:
    """A painted slice.

    Attributes:
        value: brightness, white matter is 1.
        brain: how much of each voxel is brain parenchyma, 0..1 (ventricles left out).
        depth: distance below the surface of the brain, mm.
    """

    value: Field
    brain: Field
    depth: Field


def draw_anatomy(draw: Draw) -> Anatomy:
    """A random head."""
    age = draw.uniform()
    return Anatomy(
        ventricle_scale=0.75 + 0.8 * age + draw.uniform(-0.1, 0.1),
        sulcus_mm=0.55 + 0.8 * age,
        scalp_mm=draw.uniform(4.0, 7.0),
        grey=draw.uniform(1.18, 1.32),
        fat=draw.uniform(1.5, 2.1),
        muscle=draw.uniform(0.5, 0.75),
        cap=draw.uniform(0.0, 0.25),
    )


def _mix(value: Field, brightness: float | Field, amount: Field) -> Field:
    return value + (brightness - value) * amount


def paint_head(plane: Plane, anatomy: Anatomy, textures: Textures) -> Tissue:
    """The tissues of one slice without lesions."""
    wide = sample(textures.wide, plane.x, plane.y)
    fine = sample(textures.fine, plane.x, plane.y)
    brain = _brain(plane)
    value = _shell(plane, anatomy, wide, fine, brain)
    value = _face(plane, value, anatomy, fine)
    # Fluid between skull and brain, then the brain itself.
    value = _mix(value, _FLUID, brain.covers(-2.0))
    parenchyma, sulci = _parenchyma(plane, anatomy, textures, brain, wide, fine)
    inside = brain.covers()
    value = _mix(value, parenchyma, inside)
    value, fluid = _fluid_spaces(plane, value, anatomy, inside, wide, fine)
    solid = np.clip(inside - fluid - 0.6 * sulci, 0, 1)
    return Tissue(value, solid, brain.depth)


def _brain(plane: Plane) -> Body:
    """Cerebrum, temporal lobes, cerebellum and brain stem as one body."""
    sideways = np.abs(plane.x)
    upper = np.where(plane.z > 0, plane.z, plane.z * np.float32(74 / 34))
    cerebrum = ellipsoid(plane, (0, 1, 0), (67, 85, 74), z=upper)
    temporal = ellipsoid(plane, (40, -10, -26), (23, 38, 21), x=sideways)
    cerebellum = ellipsoid(plane, (21, 46, -38), (31, 29, 26), x=sideways)
    vermis = ellipsoid(plane, (0, 44, -34), (18, 27, 26))
    stem = ellipsoid(plane, (0, 16, -34), (16, 15, 34))
    joined = cerebrum.joined(temporal).joined(stem)
    return joined.joined(cerebellum).joined(vermis)


def _shell(plane: Plane, anatomy: Anatomy, wide: Field, fine: Field, brain: Body) -> Field:
    """Scalp, muscle and skull; what is left inside is bone or, low down, soft tissue."""
    z = np.where(plane.z > 0, plane.z, plane.z * np.float32(0.62))
    taper = plane.x * (1 - 0.0011 * plane.y)
    head = ellipsoid(plane, (0, 2, 0), (77.5, 97, 84.5), x=taper, z=z)
    scalp = anatomy.scalp_mm + 0.9 * wide
    value = anatomy.fat * (1 + 0.06 * fine) * head.covers()
    value = _mix(value, anatomy.muscle, head.covers(scalp) * np.float32(0.75))
    low = np.clip((-plane.z - 4) * np.float32(1 / 26), 0, 1)
    # Temporal muscle: a grey layer outside the skull, beside and below the ears' level.
    muscle = low * np.clip((np.abs(plane.x) - 38) * np.float32(1 / 10), 0, 1) * 9
    skull = scalp + muscle
    value = _mix(value, anatomy.muscle * (1 + 0.15 * fine), head.covers(scalp))
    value = _mix(value, _BONE, head.covers(skull))
    marrow = head.covers(skull + 1.7) * (1 - head.covers(skull + 5.2))
    value = _mix(value, anatomy.fat * (0.34 + 0.10 * wide), marrow)
    filler = np.clip(0.34 + 0.30 * fine + 0.12 * wide, 0.05, 1.3) * low
    deep = head.covers(skull + 7.0) * (1 - brain.covers(-4.0))
    return _mix(value, np.maximum(filler, _BONE), deep * low)


def _face(plane: Plane, value: Field, anatomy: Anatomy, fine: Field) -> Field:
    """Orbits, nasal cavity, sphenoid sinus and petrous bones of the lower slices."""
    if float(plane.z.min()) > -8:
        return value
    sideways = np.abs(plane.x)
    value = _mix(value, _BONE * 0.6, ellipsoid(plane, (0, -64, -40), (16, 24, 18)).covers())
    septum = np.clip(1.5 - sideways, 0, 1) * np.clip((-plane.y - 40) / 10, 0, 1)
    conchae = np.clip(fine - 0.4, 0, 1) * 1.1
    nose = ellipsoid(plane, (0, -64, -40), (15, 23, 17)).covers()
    value = _mix(value, 0.9, nose * np.clip(septum + conchae, 0, 1))
    orbit = ellipsoid(plane, (31, -55, -28), (18, 26, 15), x=sideways)
    value = _mix(value, anatomy.fat * 0.85, orbit.covers())
    cone = ellipsoid(plane, (27, -46, -28), (4, 20, 5), x=sideways)
    value = _mix(value, 0.55, cone.covers())
    globe = ellipsoid(plane, (32, -65, -28), (12.2, 12.5, 12), x=sideways)
    value = _mix(value, 0.75, globe.covers(-1.2))
    value = _mix(value, 0.16, globe.covers())
    sinus = ellipsoid(plane, (0, -30, -42), (13, 12, 12))
    value = _mix(value, 0.06, sinus.covers())
    slanted = (plane.y + 0.5 * (sideways - 40)).astype(np.float32, copy=False)
    petrous = ellipsoid(plane, (42, 16, -44), (22, 8, 11), x=sideways, y=slanted)
    return _mix(value, np.clip(0.08 + 0.25 * (fine - 0.6), 0.04, 0.6), petrous.covers())


def _parenchyma(
    plane: Plane, anatomy: Anatomy, textures: Textures, brain: Body, wide: Field, fine: Field
) -> tuple[Field, Field]:
    """Brightness of white matter, cortex and deep nuclei; and how much is open sulcus."""
    fold = _folded(plane, textures.fold)
    back = ellipsoid(plane, (0, 46, -38), (54, 32, 28)).covers(-2)
    reach = np.where(back > 0.5, np.float32(13), np.float32(19)) + 4 * wide
    shallow = np.clip(1 - brain.depth / np.maximum(reach, 6), 0, 1)
    # From the steepness of the folds: a rough distance in mm from the middle of a sulcus.
    beside = np.abs(fold) * np.where(back > 0.5, np.float32(2.4), np.float32(5.5))
    # Sulci narrow inwards, and some are closed: not every fold shows as a dark line.
    gape = np.clip(0.55 + 0.5 * sample(textures.wide, plane.x * 2.5, plane.y * 2.5), 0, 1.4)
    open_mm = anatomy.sulcus_mm * np.sqrt(shallow) * gape
    sulcus = np.clip((open_mm - beside) / (1.3 * plane.pixel_mm) + 0.35, 0, 1)
    sulcus = sulcus * np.clip(shallow * 4, 0, 1)
    ribbon = np.clip((3.0 + 0.4 * fine - beside) / 2.2 + 0.5, 0, 1) * np.clip(shallow * 5, 0, 1)
    surface = np.clip((3.2 + 0.5 * fine - brain.depth) / 2.2 + 0.5, 0, 1)
    grey = np.maximum(np.maximum(ribbon, surface), _deep_grey(plane))
    value = 1 + 0.018 * wide + 0.02 * fine
    value = value + (anatomy.grey - 1 + 0.03 * wide) * grey
    limbic = ellipsoid(plane, (36, -12, 0), (5, 17, 14), x=np.abs(plane.x)).covers()
    value = value + 0.10 * limbic
    sulcus = sulcus * (1 - 0.6 * limbic)
    return _mix(value, 0.22, sulcus), sulcus


def _folded(plane: Plane, fold: Field) -> Field:
    """The fold texture, stretched inwards, so that sulci run from the surface to the centre."""
    z = np.where(plane.z > 0, plane.z, plane.z * np.float32(74 / 34)) * np.float32(1 / 74)
    dx, dy = plane.x * (1 / 66), plane.y * (1 / 83)
    q = np.maximum(np.sqrt(dx * dx + dy * dy + z * z), np.float32(0.25))
    outward = 0.42 + 0.58 / q
    cerebellum = np.clip((plane.y - 18) / 8, 0, 1) * np.clip((-plane.z - 12) / 6, 0, 1)
    outward = outward + (1.5 - outward) * cerebellum
    return sample(fold, plane.x * outward, plane.y * outward)


def _deep_grey(plane: Plane) -> Field:
    """Caudate, putamen and thalamus."""
    sideways = np.abs(plane.x)
    caudate = ellipsoid(plane, (14, -20, 8), (4.5, 9, 11), x=sideways).covers()
    slanted = sideways - 0.18 * plane.y
    putamen = ellipsoid(plane, (25, -3, 3), (5.5, 17, 11), x=slanted).covers()
    thalamus = ellipsoid(plane, (10.5, 14, 3), (8.5, 13, 10), x=sideways).covers()
    return np.float32(0.8) * np.maximum(np.maximum(caudate, putamen), thalamus)


def _fluid_spaces(
    plane: Plane, value: Field, anatomy: Anatomy, inside: Field, wide: Field, fine: Field
) -> tuple[Field, Field]:
    """Ventricles, cisterns and fissures, with their normal bright spots."""
    size = anatomy.ventricle_scale
    sideways = np.abs(plane.x)
    bent = sideways - (3.6 + 3.2 * size) - 0.0072 * (plane.y + 12) * (plane.y + 12)
    raised = plane.z - 13 + 0.0035 * (plane.y - 4) * (plane.y - 4)
    lateral = ellipsoid(plane, (0, 0, 0), (4.8 * size, 38, 8.5 * size), x=bent, z=raised)
    atrium = ellipsoid(plane, (22, 31, 5), (5.5 * size, 12, 8.5 * size), x=sideways)
    ventricle = lateral.joined(atrium)
    caps = ventricle.covers(-3.5) * (1 - ventricle.covers(-0.5))
    value = value + anatomy.cap * caps * np.clip(0.4 + 0.5 * fine, 0, 1)
    third = ellipsoid(plane, (0, 4, -4), (1.7 * size, 13, 10)).covers()
    fourth = ellipsoid(plane, (0, 31, -36), (5.5 * size, 5, 9)).covers()
    fluid = np.maximum.reduce(
        [
            ventricle.covers(),
            third,
            fourth,
            _sylvian(plane, anatomy, wide, fine),
            _cisterns(plane, wide, fine),
            _midline(plane, anatomy),
        ]
    )
    value = _mix(value, _FLUID * (1 + 0.2 * fine), fluid * inside)
    # Choroid plexus and slow flow: bright, normal, and no lesion.
    choroid = ellipsoid(plane, (21, 29, 6), (2.2, 6, 5), x=sideways).covers(0.9 * fine)
    value = _mix(value, 1.35, choroid * np.clip(0.5 + 0.4 * wide, 0, 1))
    flow = ellipsoid(plane, (2, -9, -30), (2.0, 1.6, 6)).covers()
    return _mix(value, 0.9, 0.6 * flow), fluid


def _sylvian(plane: Plane, anatomy: Anatomy, wide: Field, fine: Field) -> Field:
    """The lateral fissures: winding slits that widen over the insula."""
    sideways = np.abs(plane.x)
    slanted = plane.y + 10 + 0.35 * (sideways - 46) + 2.6 * wide + 0.9 * fine
    outer = ellipsoid(plane, (54, 0, 0), (15, 1.1 + anatomy.sulcus_mm, 16), x=sideways, y=slanted)
    upright = sideways - 39 + 0.012 * (plane.y + 8) * (plane.y + 8) + 1.8 * wide + 0.6 * fine
    insula = ellipsoid(plane, (0, -6, -1), (0.7 + 0.5 * anatomy.sulcus_mm, 15, 14), x=upright)
    return np.float32(0.85) * np.maximum(outer.covers(), insula.covers())


def _cisterns(plane: Plane, wide: Field, fine: Field) -> Field:
    """The basal cisterns: star-shaped above the sella, a ring around the midbrain."""
    sideways = np.abs(plane.x)
    star = ellipsoid(plane, (0, -10, -28), (9, 7, 6))
    arms = ellipsoid(plane, (15, -13, -27), (15, 2.4, 6), x=sideways)
    notch = star.joined(arms).covers(1.3 * wide + 0.8 * fine)
    stem = ellipsoid(plane, (0, 14, -26), (19, 17, 24))
    ring = np.clip((1.5 + 0.4 * fine - np.abs(stem.depth)) / 1.3 + 0.5, 0, 1)
    behind = np.clip((plane.y - 2) / 8, 0, 1)
    level = np.clip((plane.z + 40) / 6, 0, 1) * np.clip((-13 - plane.z) / 5, 0, 1)
    vein = ellipsoid(plane, (0, 33, -12), (9, 3, 6)).covers(0.6 * fine)
    fluid: Field = np.float32(0.85) * np.maximum.reduce([notch, ring * behind * level, vein])
    return fluid


def _midline(plane: Plane, anatomy: Anatomy) -> Field:
    """The fissure between the hemispheres, absent where the corpus callosum crosses."""
    bridge = ellipsoid(plane, (0, 0, 2), (40, 44, 27)).covers(-2)
    half_mm = 0.3 + 0.5 * anatomy.sulcus_mm
    slit = np.clip((half_mm - np.abs(plane.x)) / plane.pixel_mm + 0.5, 0, 1)
    below = np.clip((plane.z + 22) / 6, 0, 1)
    fissure = slit * (1 - bridge) * below * 0.85
    return fissure.astype(np.float32, copy=False)
